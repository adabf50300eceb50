"""`acs ak:signature`: the recorded requests of the first OpenAPI client of FC 2.0, and what is refused."""

from __future__ import annotations

import base64
import hmac
from hashlib import md5

import pytest

from thence.signing import acs_roa
from thence.signing.interface import Key

from .conftest import at, changed, keys, refusal

KEY = Key("AK", "SK", algorithm=acs_roa.ALGORITHM)
LOOKUP = keys(KEY)
NOW = 1_795_818_233_000  # 2026-11-27T22:23:53Z
# Recorded from alibabacloud_fc_open20210406 1.0.0 on 2026-11-27.
PATH, QUERY = b"/2021-04-06/services", b"limit=3&prefix=a+b%2A"
COMMON = [
    (b"date", b"Fri, 27 Nov 2026 22:23:53 GMT"),
    (b"host", b"127.0.0.1:18901"),
    (b"accept", b"application/json"),
    (b"x-acs-signature-method", b"HMAC-SHA1"),
    (b"x-acs-signature-version", b"1.0"),
    (b"x-acs-version", b"2021-04-06"),
    (b"user-agent", b"AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
    (b"x-acs-credentials-provider", b"static_ak"),
]
RECORDED = [
    *COMMON,
    (b"x-acs-action", b"ListServices"),
    (b"x-acs-signature-nonce", b"73566157b0f6f0f11dc4329116f37f08"),
]
SENT = [*RECORDED, (b"authorization", b"acs AK:pFsT9t0m2cugVotvykN9Vl0ARco=")]
CALL_PATH = b"/2021-04-06/services/svc/functions/fn/invocations"
CALL = [
    *COMMON,
    (b"x-acs-action", b"InvokeFunction"),
    (b"x-acs-signature-nonce", b"a8cc27910fbd74699d1a6dc980f5c0cd"),
    (b"content-type", b"application/json; charset=utf-8"),
    (b"x-fc-invocation-type", b"Async"),
    (b"content-length", b"11"),
    (b"authorization", b"acs AK:e41HQTrvxwSp5RG8uzT5knhRGNc="),
]
BODY = b'"{\\"a\\":1}"'
# Recorded from aliyun-python-sdk-core 2.16.1 on 2026-11-28, which sends no nonce.
GENERAL = [
    (b"host", b"127.0.0.1:49743"),
    (b"accept", b"application/json"),
    (b"x-sdk-invoke-type", b"common"),
    (b"x-acs-version", b"2023-03-30"),
    (b"x-fc-invocation-type", b"Async"),
    (b"content-type", b"application/json"),
    (b"content-md5", b"u2y1xo30ZSlByvZSo2by2A=="),
    (b"x-acs-region-id", b"cn-hangzhou"),
    (b"date", b"Sat, 28 Nov 2026 10:08:26 GMT"),
    (b"x-acs-signature-method", b"HMAC-SHA1"),
    (b"x-acs-signature-version", b"1.0"),
    (b"authorization", b"acs AK:t6jBnryJvDQoJlNjm57gI3xCt8A="),
    (b"x-sdk-client", b"python/2.0.0"),
    (b"content-length", b"7"),
]
GENERAL_AT = 1_795_860_506_000


def check(headers, method="GET", path=PATH, query=QUERY, lookup=LOOKUP, window=None):
    return acs_roa.verify(method, path, query, headers, lookup, window or at(NOW))


def call(headers=CALL, **more):
    return check(headers, "POST", CALL_PATH, b"qualifier=prod", **more)


def general(headers=GENERAL, window=None):
    path, query = b"/2023-03-30/functions/fn/invocations", b"qualifier=prod&RegionId=cn-hangzhou"
    return check(headers, "POST", path, query, window=window or at(GENERAL_AT))


def signed(headers=RECORDED, key=KEY, query=QUERY, path=PATH, method="GET"):
    return acs_roa.sign(method, path, query, headers, key, now=NOW, nonce="n-1")


def refused(headers, **named):
    return refusal(check, headers, **named)


def test_the_recorded_requests_are_accepted_and_signed_the_same():
    assert check(SENT) == ("AK", NOW, None, None, True)
    assert signed() == SENT
    assert call() == ("AK", NOW, None, None, True)


def test_the_text_that_is_signed_is_the_vendors():
    text = (
        b"GET\napplication/json\n\n\nFri, 27 Nov 2026 22:23:53 GMT\n"
        b"x-acs-action:ListServices\nx-acs-credentials-provider:static_ak\n"
        b"x-acs-signature-method:HMAC-SHA1\n"
        b"x-acs-signature-nonce:73566157b0f6f0f11dc4329116f37f08\n"
        b"x-acs-signature-version:1.0\nx-acs-version:2021-04-06\n"
        b"/2021-04-06/services?limit=3&prefix=a b*"
    )
    right = base64.b64encode(hmac.new(b"SK", text, "sha1").digest())
    assert dict(SENT)[b"authorization"] == b"acs AK:" + right


@pytest.mark.parametrize(
    "change",
    [
        *({"accept": "text/html"}, {"accept": None}, {"date": "Fri, 27 Nov 2026 22:23:54 GMT"}),
        *({"x_acs_action": "DeleteService"}, {"x_acs_version": None}, {"x_acs_new": "1"}),
        *({"content_md5": base64.b64encode(md5(b"").digest()).decode()}, {"x_acs_action": ""}),
    ],
)
def test_what_is_signed_cannot_be_changed(change):
    assert refused(changed(SENT, **change)) == "signature"


def test_what_the_scheme_leaves_open_is_taken_unsigned():
    for name in ("host", "user_agent", "x_fc_async_delay", "if_match", "content_length"):
        assert check(changed(SENT, **{name: "1"}))
    # aiohttp adds a content type after the signing; one that was signed cannot be changed.
    assert check(changed(SENT, content_type="application/octet-stream"))
    assert refusal(call, changed(CALL, content_type="text/plain")) == "signature"
    assert refusal(call, changed(CALL, content_type=None)) == "signature"


@pytest.mark.parametrize("name", [b"accept", b"date", b"x-acs-action", b"x-acs-signature-nonce"])
def test_a_signed_header_that_comes_twice_is_refused(name):
    assert refused([*SENT, (name, dict(SENT)[name])]) == "header"


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        ("ACS3-HMAC-SHA256 x", "algorithm"),
        ("ACS AK:pFsT9t0m2cugVotvykN9Vl0ARco=", "algorithm"),
        ("acs", "malformed"),
        ("acs AK:", "malformed"),
        ("acs AK:pFsT9t0m2cugVotvykN9Vl0ARc", "malformed"),
        ("acs AK:pFsT9t0m2cugVotvykN9Vl0ARcp=", "signature"),  # the same bytes
        ("acs BK:pFsT9t0m2cugVotvykN9Vl0ARco=", "access_key"),
    ],
)
def test_an_authorization_that_is_not_quite_right_is_refused(authorization, kind):
    assert refused(changed(SENT, authorization=authorization)) == kind


def test_path_method_and_query_are_signed():
    assert refused(SENT, method="DELETE") == "signature"
    assert refused(SENT, path=PATH + b"/x") == "signature"
    assert refused(SENT, query=b"limit=3&prefix=a+c") == "signature"
    assert refused(SENT, query=b"") == "signature"
    assert check(SENT, query=b"prefix=a%20b*&limit=3")  # another spelling of the same
    assert check(signed(query=b""), query=b"")
    for query in (b"a=1%26b=2", b"a%3Db=c", b"a=1%0A", b"a%26=1"):
        assert refused(SENT, query=query) == "malformed"
    assert refused(SENT, path=PATH[1:]) == "malformed"


def test_a_date_and_a_nonce_count_as_with_acs3():
    assert refused(SENT, window=at(NOW + 900_001)) == "date"
    assert refused(changed(SENT, date=None)) == "date"
    assert refused(signed(changed(RECORDED, x_acs_signature_nonce=""))) == "header"
    window = at(NOW)
    assert check(SENT, window=window)
    assert refused(SENT, window=window) == "replay"


def test_a_client_that_sends_no_nonce_is_taken_by_its_date():
    window = at(GENERAL_AT)
    for _ in range(2):  # its dates are whole seconds: the same again may be another call
        verified = general(window=window)
        assert (verified.access_key_id, verified.once) == ("AK", False)
    verified.check_body(b'{"a":1}')
    assert refusal(verified.check_body, b'{"a":2}') == "body"
    assert refusal(general, window=at(GENERAL_AT + 900_001)) == "date"


def test_a_nonce_cannot_be_put_to_a_request_or_taken_from_it():
    assert refused(changed(SENT, x_acs_signature_nonce=None)) == "signature"
    assert refusal(general, changed(GENERAL, x_acs_signature_nonce="n")) == "signature"


def test_other_methods_and_bearer_tokens_are_refused():
    for change in ({"x_acs_signature_method": "HMAC-SHA256"}, {"x_acs_signature_version": "2.0"}):
        assert refused(signed(changed(RECORDED, **change))) == "algorithm"
    assert refused(signed(changed(RECORDED, x_acs_bearer_token="t"))) == "algorithm"


def test_a_content_md5_is_checked_against_the_body():
    text = base64.b64encode(md5(BODY).digest()).decode()
    verified = check(signed(changed(RECORDED, content_md5=text)))
    verified.check_body(BODY)
    assert refusal(verified.check_body, b"{}") == "body"


def test_a_security_token_is_taken_only_where_the_key_has_one():
    temporary = Key("AK", "SK", "token-1", algorithm=acs_roa.ALGORITHM)
    sent = signed(key=temporary)
    assert check(sent, lookup=keys(temporary))
    assert refused(sent) == "token"
    assert refused(SENT, lookup=keys(temporary)) == "token"


def test_a_line_feed_in_a_header_does_not_make_another_request():
    assert refused(changed(SENT, accept="a\nb")) == "malformed"
