"""`OSS ak:signature`: the vendor's documented example, what is signed, what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from thence.signing import oss
from thence.signing.interface import Key

from .conftest import at, changed, keys, refusal

# The example in the vendor's document of this signature (PUT of object `nelson`).
KEY = Key("44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV", algorithm="sha1")
LOOKUP = keys(KEY)
NOW = 1_132_253_398_000
DATE = b"Thu, 17 Nov 2005 18:49:58 GMT"
DOCUMENTED = [
    (b"host", b"oss-example.oss-cn-hangzhou.aliyuncs.com"),
    (b"content-md5", b"ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="),
    (b"content-type", b"text/html"),
    (b"date", DATE),
    (b"x-oss-meta-author", b"foo@bar.com"),
    (b"x-oss-magic", b"abracadabra"),
]
AUTHORIZATION = b"OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA="
BODY = b"PK"
PLAIN = [(b"content-type", b"application/zip"), (b"date", DATE), (b"x-oss-meta-a", b"1")]


def sign(headers=PLAIN, object=b"1/o", bucket=b"b", key=KEY, now=NOW):
    return oss.sign("PUT", bucket, object, headers, key, now=now)


def check(headers, object=b"1/o", bucket=b"b", query=b"", lookup=LOOKUP, now=NOW, method="PUT"):
    return oss.verify(method, bucket, object, query, headers, lookup, at(now))


def refused(headers, **named):
    return refusal(check, headers, **named)


def test_the_documented_example_gives_the_documented_signature():
    sent = sign(DOCUMENTED, b"nelson", b"oss-example")
    assert sent[-1] == (b"authorization", AUTHORIZATION)


def test_what_is_signed_is_the_text_of_the_document():
    text = b"PUT\n\napplication/zip\n%s\nx-oss-meta-a:1\n/b/1/o" % DATE
    mac = hmac.new(b"OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV", text, "sha1").digest()
    right = b"OSS 44CF9590006BF252F707:" + base64.b64encode(mac)
    assert sign()[-1] == (b"authorization", right)
    assert check(sign()).access_key_id == KEY.access_key_id


def test_a_date_of_the_storage_s_own_goes_before_the_other():
    own = [(b"x-oss-date", DATE)]
    sent = sign(own)
    assert b"date" not in dict(sent) and check(sent).signed_at == NOW
    both = [*own, (b"date", b"Thu, 17 Nov 2005 10:00:00 GMT")]
    assert check(sign(both)).signed_at == NOW


def test_a_date_is_written_where_there_is_none():
    sent = sign([], now=NOW)
    assert check(sent).signed_at == NOW


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        ("", "algorithm"),
        ("OSS4-HMAC-SHA256 Credential=x", "algorithm"),
        ("OSS2 AccessKeyId:x,Signature:y", "algorithm"),
        ("OSS", "malformed"),
        ("OSS 44CF9590006BF252F707", "malformed"),
        ("OSS 44CF9590006BF252F707:", "malformed"),
        ("OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA", "malformed"),
        ("OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=", "signature"),
        ("OSS other:26NBxoKdsyly4EDv6inkoDft/yA=", "access_key"),
    ],
)
def test_an_authorization_that_is_not_quite_right_is_refused(authorization, kind):
    assert refused(changed(sign(), authorization=authorization)) == kind


@pytest.mark.parametrize(
    "change",
    [
        {"content_type": "text/plain"},
        {"content_type": None},
        {"content_md5": base64.b64encode(bytes(16)).decode()},
        {"date": "Thu, 17 Nov 2005 18:49:59 GMT"},
        {"x_oss_date": "Thu, 17 Nov 2005 18:49:58 GMT"},
        {"x_oss_meta_a": "2"},
        {"x_oss_meta_a": None},
        {"x_oss_callback": "x"},
    ],
)
def test_what_is_signed_cannot_be_changed(change):
    assert refused(changed(sign(), **change)) == "signature"


def test_method_bucket_and_object_cannot_be_changed():
    assert refused(sign(), method="GET") == "signature"
    assert refused(sign(), bucket=b"c") == "signature"
    assert refused(sign(), object=b"1/p") == "signature"
    assert refused(sign(), object=b"o", bucket=b"b/2") == "signature"


def test_the_name_of_an_object_is_signed_decoded():
    assert check(sign(object=b"1%2Fo"), object=b"1/o")
    assert check(sign(object=b"%31/o"), object=b"1/o")


def test_line_feeds_are_refused():
    assert refused(sign(), object=b"1%0Ao") == "malformed"
    assert refused(changed(sign(), x_oss_meta_a="1\nx-oss-meta-b:2")) == "malformed"


def test_a_query_is_refused():
    assert refused(sign(), query=b"append") == "malformed"


@pytest.mark.parametrize("name", [b"date", b"content-type", b"content-md5", b"x-oss-meta-a"])
def test_a_signed_header_that_comes_twice_is_refused(name):
    sent = [*sign(), (name, b"1"), (name, b"1")]
    assert refused(sent) == "header"


@pytest.mark.parametrize("date", [None, "", "2005-11-17T18:49:58Z", "Thu, 17 Nov 2005"])
def test_dates_that_are_none_are_refused(date):
    assert refused(changed(sign(), date=date)) == "date"


def test_dates_outside_the_window_are_refused():
    assert refused(sign(), now=NOW + 900_001) == "date"
    assert refused(sign(), now=NOW - 900_001) == "date"


def test_a_temporary_key_needs_its_token_and_others_have_none():
    temporary = Key("T", "s", "token", algorithm="sha1")
    sent = sign(key=temporary)
    assert dict(sent)[b"x-oss-security-token"] == b"token"
    assert check(sent, lookup=keys(temporary))
    assert refused(sign(key=Key("T", "s", algorithm="sha1")), lookup=keys(temporary)) == "token"
    other = sign(key=Key("T", "s", "other", algorithm="sha1"))
    assert refused(other, lookup=keys(temporary)) == "token"
    plain = Key("T", "s", algorithm="sha1")
    assert refused(sent, lookup=keys(plain)) == "token"


def test_a_content_md5_is_given_to_whoever_reads_the_body():
    digest = hashlib.md5(BODY).digest()
    sent = sign([*PLAIN, (b"content-md5", base64.b64encode(digest))])
    assert check(sent).body_md5 == digest
    for text in (digest.hex().encode(), b"x", b"AA=="):
        assert refused(sign([*PLAIN, (b"content-md5", text)])) == "body"


def test_the_algorithm_is_the_key_s():
    assert refused(sign(key=Key(KEY.access_key_id, "x", algorithm="sha1"))) == "signature"
    assert len(Key("a", "b").mac(b"")) == 32 and len(Key("a", "b", algorithm="sha1").mac(b"")) == 20
