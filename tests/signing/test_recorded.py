"""Requests as the vendors' clients in other languages wrote them to the wire, with their signatures.

Recorded from clients that ran against the service, and not changed since, but that each header has a
line of its own here. What a signer of ours would write proves nothing about theirs.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import NamedTuple

import pytest

from thence.signing import acs3, fc, sdk_hmac
from thence.signing.interface import Key, Refused, Verified
from thence.signing.window import read_basic, read_iso

from .conftest import at, keys

LOOKUP = keys(Key("my-key", "my-secret-of-some-length"))


class Recorded(NamedTuple):
    client: str
    head: str
    body: bytes = b""


SDK_HMAC = [
    Recorded(
        "huaweicloud-sdk-go-v3 0.1.188, a call",
        """\
POST /v2/123456789/fgs/functions/urn:fss:cn-hangzhou:123456789:function:default:fn-go:latest/invocations-async HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: huaweicloud-usdk-go/3.0; os/Debian_GNU/Linux#12_(bookworm)#amd64 go/go1.19.8; app/96cfce11-768a-4c61-9a9d-dd530029a7dc
Content-Length: 10
Authorization: SDK-HMAC-SHA256 Access=my-key, SignedHeaders=user-agent;x-cff-instance-memory;x-project-id;x-sdk-date, Signature=ade0cf31c17a8f681f456a48a4f08a5d0b48e47ed9ef67b70dd63bbd254545e9
Content-Type: application/json
X-Cff-Instance-Memory: 128
X-Project-Id: 123456789
X-Sdk-Date: 20261128T012041Z
Accept-Encoding: gzip""",
        b'{"x":"y"}\n',
    ),
    Recorded(
        "huaweicloud-sdk-go-v3 0.1.188, records by time",
        """\
GET /v2/123456789/fgs/functions/urn:fss:cn-hangzhou:123456789:function:default:fn-go:latest/async-invocations?limit=10&marker=0&query_begin_time=2026-11-28T00%3A20%3A42Z&query_end_time=2026-11-28T02%3A20%3A42Z HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: huaweicloud-usdk-go/3.0; os/Debian_GNU/Linux#12_(bookworm)#amd64 go/go1.19.8; app/96cfce11-768a-4c61-9a9d-dd530029a7dc
Authorization: SDK-HMAC-SHA256 Access=my-key, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=e25a9e51a8bae7d0b8db956d70eb061aa137f8e7216b188140384a5803292403
Content-Type: application/json
X-Project-Id: 123456789
X-Sdk-Date: 20261128T012042Z
Accept-Encoding: gzip""",
    ),
    Recorded(
        "huaweicloud-sdk-php-v3 3.1.193, a call",
        """\
POST /v2/123456789/fgs/functions/urn%3Afss%3Acn-hangzhou%3A123456789%3Afunction%3Adefault%3Afn-php%3Alatest/invocations-async HTTP/1.1
Host: 127.0.0.1:8080
Accept: application/json
Content-Type: application/json
User-Agent: php
X-Project-Id: 123456789
X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD
X-Sdk-Date: 20261128T014000Z
Authorization: SDK-HMAC-SHA256 Access=my-key, SignedHeaders=accept;content-type;user-agent;x-project-id;x-sdk-content-sha256;x-sdk-date, Signature=c26c433892da179f0fa0dae3b3c8042ce53e71139cbaea384c06824a41c45b7e
Content-Length: 11""",
        b'{"sleep":1}',
    ),
    Recorded(
        "huaweicloud-sdk-php-v3 3.1.193, records by time",
        """\
GET /v2/123456789/fgs/functions/urn%3Afss%3Acn-hangzhou%3A123456789%3Afunction%3Adefault%3Afn-php%3Alatest/async-invocations?limit=10&query_begin_time=2026-11-28T00%3A40%3A01%2B00%3A00&query_end_time=2026-11-28T02%3A40%3A01%2B00%3A00 HTTP/1.1
Host: 127.0.0.1:8080
Accept: application/json
Content-Type: application/json
User-Agent: php
X-Project-Id: 123456789
X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD
X-Sdk-Date: 20261128T014001Z
Authorization: SDK-HMAC-SHA256 Access=my-key, SignedHeaders=accept;content-type;user-agent;x-project-id;x-sdk-content-sha256;x-sdk-date, Signature=44d1fc0202ba0414dcd145c83b685274e01539b935ec91e537495f760235035f""",
    ),
]
ACS3 = [
    Recorded(
        "alibabacloud-go fc-20230330 4.8.2, a delayed task",
        """\
POST /2023-03-30/functions/fn-3_x/invocations HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: AlibabaCloud (linux; amd64) Golang/1.19.8 Core/0.01 TeaDSL/2
Content-Length: 1
Authorization: ACS3-HMAC-SHA256 Credential=my-key,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=8d2699d8b31db6a8d9313310ace2c333baa9fa9945450d8a43845758f7b44769
accept: application/json
content-type: application/octet-stream
x-acs-action: InvokeFunction
x-acs-content-sha256: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
x-acs-credentials-provider: static_ak
x-acs-date: 2026-11-28T01:17:00Z
x-acs-signature-nonce: 0f16f27246eaffaf2109444104838869
x-acs-version: 2023-03-30
x-fc-async-delay: 60
x-fc-async-task-id: task-2
x-fc-invocation-type: Async
x-fc-trace-id: a:b
Accept-Encoding: gzip""",
        b"x",
    ),
    Recorded(
        "alibabacloud-go fc-20230330 4.8.2, tags",
        """\
GET /2023-03-30/tags-v2?ResourceId=%5B%22acs%3Afc%3Acn-hangzhou%3A123456789%3Afunctions%2Ffn-3_x%22%5D&ResourceType=function HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: AlibabaCloud (linux; amd64) Golang/1.19.8 Core/0.01 TeaDSL/2
Authorization: ACS3-HMAC-SHA256 Credential=my-key,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=a88017f300fba2e4fba0bd030e4e0a9aa3ef78840f4347de16a35b412793f8a1
accept: application/json
x-acs-action: ListTagResources
x-acs-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
x-acs-credentials-provider: static_ak
x-acs-date: 2026-11-28T01:17:00Z
x-acs-signature-nonce: 61bdd88f087f17e44088515f1a829a58
x-acs-version: 2023-03-30
Accept-Encoding: gzip""",
    ),
    Recorded(
        "alibabacloud-php fc-20230330 4.8.2, a delayed task",
        """\
POST /2023-03-30/functions/fn-php3/invocations HTTP/1.1
Host: 127.0.0.1:8080
x-acs-version: 2023-03-30
x-acs-action: InvokeFunction
user-agent: AlibabaCloud (Linux; cli) PHP/8.2.36 Core/1.0 TeaDSL/2
x-acs-date: 2026-11-28T02:07:00Z
x-acs-signature-nonce: f9ebb84efa319d1a6215edca0299fc90
accept: application/json
x-fc-async-delay: 30
x-fc-async-task-id: t-2
x-fc-invocation-type: Async
content-type: application/octet-stream
x-acs-content-sha256: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
x-acs-credentials-provider: static_ak
Authorization: ACS3-HMAC-SHA256 Credential=my-key,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=1bdc3d0f1a00639471592e5d8824089ff004a5585fa6c54ccd35b15a316724c4
Content-Length: 1""",
        b"x",
    ),
]
FC = [
    Recorded(
        "aliyun fc-go-sdk 3a1b2ed, a call",
        """\
POST /2016-08-15/services/svc2.prod/functions/fn/invocations HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: go-sdk-0.1
Content-Length: 1
Accept: application/json
Authorization: FC my-key:05Da8hPXfDe2fFTFiZDKSCXX2hx0LJ+rG8DJNDUdtGo=
Content-Md5: 7694f4a66316e53c8cdd9d9954bd611d
Content-Type: application/octet-stream
Date: Sat, 28 Nov 2026 01:17:17 GMT
X-Fc-Account-Id:
Accept-Encoding: gzip""",
        b"q",
    ),
    Recorded(
        "aliyun fc-go-sdk 3a1b2ed, tags",
        """\
POST /2016-08-15/tag HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: go-sdk-0.1
Content-Length: 90
Accept: application/json
Authorization: FC my-key:FboknzW0aUZ9YvpefJJ04lpN4FMbAVfRsCdCy3eH+Hs=
Content-Md5: a5c9c0737fe5269a72a6caff50a2f26c
Content-Type: application/json
Date: Sat, 28 Nov 2026 01:17:18 GMT
X-Fc-Account-Id:
Accept-Encoding: gzip""",
        b'{"resourceArn":"acs:fc:cn-hangzhou:123456789:services/svc2","tags":{"k":"v","\xc3\xbc k":"\xe4\xb8\xad"}}',
    ),
    Recorded(
        "aliyun fc-php-sdk 1.2.0, a call",
        """\
POST /2016-08-15/services/svc/functions/fn/invocations HTTP/1.1
Host: 127.0.0.1:8080
date: Sat, 28 Nov 2026 01:34:58 GMT
content-type: application/json
user-agent: aliyun-fc-sdk-v1.2.0.php-8.2.36.Linux
x-fc-invocation-type: Async
x-fc-stateful-async-invocation-id: t-1
x-fc-async-delay: 10
authorization: FC my-key:polx1UwgOV9tedvmdLEAQAt+U9KbYHmOiNHOjJEkYCo=
Content-Length: 1""",
        b"x",
    ),
    Recorded(
        "aliyun fc-java-sdk 1.8 e770895, a task",
        """\
POST /2016-08-15/services/svc/functions/fn/invocations HTTP/1.1
Authorization: FC my-key:Vkfq82dS4jg4ib1lQKB+a0ZplDTg7+U+JjNJkMoKpEU=
Accept: application/json
X-Fc-Stateful-Async-Invocation-Id: t-1
X-Fc-Invocation-Type: Async
User-Agent: java-sdk-1.8.33
x-fc-account-id: 123456789
Date: Sat, 28 Nov 2026 02:00:46 GMT
Content-Type: application/octet-stream
Content-MD5: yfqzPpRYQSxSfD/ooT7jfQ==
Cache-Control: no-cache
Pragma: no-cache
Host: 127.0.0.1:8080
Connection: keep-alive
Content-Length: 5""",
        b"sleep",
    ),
]


def parts(recorded: Recorded) -> tuple[str, bytes, bytes, list[tuple[bytes, bytes]]]:
    """Method, path, query and headers as the doors hand them to a verifier."""
    first, *lines = recorded.head.encode("latin-1").split(b"\n")
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    named = [line.split(b":", 1) for line in lines]
    headers = [(name.lower(), value.strip(b" \t")) for name, value in named]
    return method.decode(), path, query, headers


def sdk_hmac_verified(recorded: Recorded) -> Verified:
    method, path, query, headers = parts(recorded)
    window = at(read_basic(dict(headers)[b"x-sdk-date"]))
    digest = sha256(recorded.body).hexdigest()
    return sdk_hmac.verify(method, path, query, headers, digest, LOOKUP, window)


def acs3_verified(recorded: Recorded) -> Verified:
    method, path, query, headers = parts(recorded)
    window = at(read_iso(dict(headers)[b"x-acs-date"]))
    digest = sha256(recorded.body).hexdigest()
    return acs3.verify(method, path, query, headers, digest, LOOKUP, window)


def fc_verified(recorded: Recorded) -> Verified:
    method, path, query, headers = parts(recorded)
    window = at(int(parsedate_to_datetime(dict(headers)[b"date"].decode()).timestamp() * 1000))
    verified = fc.verify(method, path, query, headers, LOOKUP, window)
    verified.check_body(recorded.body)
    return verified


CASES = [
    *((sdk_hmac_verified, recorded) for recorded in SDK_HMAC),
    *((acs3_verified, recorded) for recorded in ACS3),
    *((fc_verified, recorded) for recorded in FC),
]


@pytest.mark.parametrize(
    ("verified", "recorded"), CASES, ids=lambda each: getattr(each, "client", "")
)
def test_what_a_client_signed_is_accepted_and_nothing_else(verified, recorded):
    assert verified(recorded).access_key_id == "my-key"
    for other in (
        recorded._replace(head=recorded.head.replace(" /", " /x", 1)),
        recorded._replace(head=re.sub("(?i)(date: .*)2026", r"\g<1>2027", recorded.head)),
    ):
        with pytest.raises(Refused):
            verified(other)
