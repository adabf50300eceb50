"""`FC ak:signature`: the recorded request, calls to HTTP functions, signed URLs, `content-md5`."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from thence.signing import fc
from thence.signing.interface import Key, Refused

from .conftest import at, changed, keys, refusal

KEY = Key("AK", "SK")
LOOKUP = keys(KEY)
NOW = 1_795_359_271_000  # 2026-11-22T14:54:31Z
# Recorded from aliyun-fc2 2.5.2 on 2026-11-22.
PATH = b"/2016-08-15/services/svc.prod/functions/fn/invocations"
RECORDED = [
    (b"user-agent", b"aliyun-fc-sdk-v2.5.2.python-3.11.7.Linux"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept", b"*/*"),
    (b"connection", b"keep-alive"),
    (b"host", b"127.0.0.1:18901"),
    (b"date", b"Sun, 22 Nov 2026 14:54:31 GMT"),
    (b"content-type", b"application/json"),
    (b"content-length", b"7"),
    (b"x-fc-invocation-type", b"Async"),
    (b"x-fc-stateful-async-invocation-id", b"t-1"),
]
AUTHORIZATION = b"FC AK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o="
SENT = [*RECORDED, (b"authorization", AUTHORIZATION)]
BODY = b'{"a":1}'
PROXY = b"/2016-08-15/proxy/svc.LATEST/fn/a%20b"
MD5 = hashlib.md5(BODY).digest()


def signature_of(text: bytes) -> bytes:
    """Worked out beside the code under test."""
    return base64.b64encode(hmac.new(b"SK", text, "sha256").digest())


def signed(headers=RECORDED, path=PATH, query=b"", with_query=False, key=KEY):
    return fc.sign("POST", path, query, headers, key, now=NOW, with_query=with_query)


def check(headers, path=PATH, query=b"", with_query=False, lookup=LOOKUP, window=None):
    window = window or at(NOW)
    return fc.verify("POST", path, query, headers, lookup, window, with_query=with_query)


def refused(headers, **named):
    return refusal(check, headers, **named)


def test_the_recorded_request_is_accepted_and_signed_the_same():
    assert check(SENT) == ("AK", NOW, None, None, False)
    assert signed() == SENT
    assert signed([pair for pair in RECORDED if pair[0] != b"date"])[-1][1] == AUTHORIZATION


def test_the_recorded_call_to_an_http_function_signs_the_decoded_query():
    text = (
        b"POST\n\napplication/json\nSun, 22 Nov 2026 14:54:31 GMT\n"
        b"x-fc-invocation-type:Async\nx-fc-stateful-async-invocation-id:t-1\n"
        b"/2016-08-15/proxy/svc.LATEST/fn/a b\nq=1 2"
    )
    right = signature_of(text)
    sent = signed(path=PROXY, query=b"q=1+2", with_query=True)
    assert sent[-1] == (b"authorization", b"FC AK:" + right)
    assert check(sent, path=PROXY, query=b"q=1%202", with_query=True)
    assert refused(sent, path=PROXY, query=b"q=1%2B2", with_query=True) == "signature"
    assert refused(sent, path=PROXY, query=b"q=1+2") == "signature"


def test_a_call_to_an_http_function_without_a_query_still_ends_in_a_line_feed():
    text = b"GET\n\n\nSun, 22 Nov 2026 14:54:31 GMT\n/2016-08-15/proxy/s/f/\n"
    sent = fc.sign("GET", b"/2016-08-15/proxy/s/f/", b"", [], KEY, now=NOW, with_query=True)
    assert sent[-1][1] == b"FC AK:" + signature_of(text)


@pytest.mark.parametrize(
    ("query", "lines"),
    [(b"b=1&a=2", b"a=2\nb=1"), (b"a", b"a"), (b"a=", b"a="), (b"a=2&a=1", b"a=1\na=2")],
)
def test_the_query_is_signed_as_sorted_lines(query, lines):
    text = b"GET\n\n\nSun, 22 Nov 2026 14:54:31 GMT\n/p\n" + lines
    sent = fc.sign("GET", b"/p", query, [], KEY, now=NOW, with_query=True)
    assert sent[-1][1] == b"FC AK:" + signature_of(text)


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        ("ACS3-HMAC-SHA256 x", "algorithm"),
        ("fc AK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o=", "algorithm"),
        ("FC", "malformed"),
        ("FC AK", "malformed"),
        ("FC AK:", "malformed"),
        ("FC :uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o=", "malformed"),
        ("FC AK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o", "malformed"),
        ("FC AK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7p=", "signature"),  # the same bytes
        ("FC BK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o=", "access_key"),
    ],
)
def test_an_authorization_that_is_not_quite_right_is_refused(authorization, kind):
    assert refused(changed(SENT, authorization=authorization)) == kind


@pytest.mark.parametrize(
    "change",
    [
        {"x_fc_invocation_type": "Sync"},
        {"x_fc_invocation_type": None},
        {"x_fc_async_delay": "1"},
        {"content_type": "text/plain"},
        {"content_type": None},
        {"content_md5": base64.b64encode(MD5).decode()},
        {"date": "Sun, 22 Nov 2026 14:54:32 GMT"},
    ],
)
def test_what_is_signed_cannot_be_changed(change):
    assert refused(changed(SENT, **change)) == "signature"


@pytest.mark.parametrize("name", [b"date", b"content-type", b"x-fc-invocation-type"])
def test_a_signed_header_that_comes_twice_is_refused(name):
    assert refused([*SENT, (name, dict(SENT)[name])]) == "header"


@pytest.mark.parametrize(
    "date",
    [None, "", "2026-11-22T14:54:31Z", "Sun, 32 Nov 2026 14:54:31 GMT", "22 Nov 2026 14:54:31 GMT"],
)
def test_dates_that_are_none_are_refused(date):
    assert refused(changed(SENT, date=date)) == "date"


def test_dates_outside_the_window_are_refused():
    assert refused(SENT, window=at(NOW + 900_001)) == "date"
    assert refused(SENT, window=at(NOW - 900_001)) == "date"


def test_the_same_request_within_the_window_is_taken_again():
    window = at(NOW)
    assert check(SENT, window=window) == check(SENT, window=window)


def test_the_query_of_other_calls_is_not_part_of_the_scheme():
    assert check(SENT, query=b"qualifier=1")


def test_paths_that_would_share_a_signature_are_refused():
    assert refused(SENT, path=PATH.replace(b"/fn", b"%2Ffn")) == "malformed"
    assert refused(SENT, path=PATH + b"%0Aq=1") == "malformed"
    assert refused(SENT, path=PATH[1:]) == "malformed"
    assert refused(SENT, path=PROXY, query=b"a=1%0Ab=2", with_query=True) == "malformed"
    assert refused(SENT, path=PROXY, query=b"a%3Db=c", with_query=True) == "malformed"
    assert refused(changed(SENT, x_fc_invocation_type="Async\nx-fc-zoo:1")) == "malformed"


OF_NODE = base64.b64encode(MD5.hex().encode()).decode()  # @alicloud/fc2: base64 of the hex text
MD5_FORMS = [base64.b64encode(MD5).decode(), MD5.hex(), MD5.hex().upper(), OF_NODE]


@pytest.mark.parametrize("text", MD5_FORMS)
def test_a_content_md5_is_checked_against_the_body(text):
    verified = check(signed(changed(RECORDED, content_md5=text)))
    assert verified.body_md5 == MD5
    verified.check_body(BODY)
    assert refusal(verified.check_body, b'{"a":2}') == "body"


@pytest.mark.parametrize(
    "text",
    ["x", "=", "é" * 32, "g" * 32, base64.b64encode(MD5[:15]).decode(), "Z" * 44, OF_NODE[:-4]],
)
def test_a_content_md5_that_is_none_is_refused_by_its_name(text):
    sent = signed(changed(RECORDED, content_md5=text))
    assert refused(sent) == "body"
    with pytest.raises(Refused, match=r"^content-md5: '"):
        check(sent)


def test_without_a_content_md5_the_scheme_says_nothing_of_the_body():
    check(SENT).check_body(b"anything")


def test_a_security_token_is_taken_only_where_the_key_has_one():
    temporary = Key("AK", "SK", "token-1")
    sent = signed(key=temporary)
    assert (b"x-fc-security-token", b"token-1") in sent
    assert check(sent, lookup=keys(temporary))
    assert refused(sent) == "token"
    assert refused(SENT, lookup=keys(temporary)) == "token"


# ---------------------------------------------------------------- signed URLs


def url(query=b"q=1+2", headers=(), key=KEY, expires_at=NOW + 60_000):
    return fc.sign_url("GET", PROXY, query, headers, key, expires_at=expires_at)


def open_url(query, method="GET", path=PROXY, headers=(), lookup=LOOKUP, now=NOW):
    return fc.verify_url(method, path, query, headers, lookup, at(now))


def test_a_signed_url_has_the_expiry_in_place_of_the_date():
    text = (
        b"GET\n\n\n1795359331\n/2016-08-15/proxy/svc.LATEST/fn/a b\n"
        b"q=1 2\nx-fc-access-key-id=AK\nx-fc-expires=1795359331"
    )
    signature = signature_of(text).decode()
    escaped = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert url() == (
        b"q=1+2&x-fc-expires=1795359331&x-fc-access-key-id=AK&x-fc-signature=" + escaped.encode()
    )
    assert fc.is_signed_url(url()) and not fc.is_signed_url(b"q=1+2")


def test_a_signed_url_counts_until_it_expires_for_any_number_of_requests():
    query = url()
    for now in (NOW, NOW, NOW + 59_999, 0):
        assert open_url(query, now=now).access_key_id == "AK"
    assert refusal(open_url, query, now=NOW + 60_000) == "date"


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"q=1", b"q=3", "signature"),
        (b"1795359331", b"1795359332", "signature"),
        (b"1795359331", b"0x", "date"),
        (b"1795359331", b"-1", "date"),
        (b"=AK", b"=BK", "access_key"),
        (b"=AK", b"=", "missing"),
        (b"x-fc-expires", b"x-fc-expire", "missing"),
        (b"x-fc-signature=", b"x-fc-signature=&x=", "missing"),
        (b"q=1", b"x-fc-expires=9795359331&q=1", "malformed"),
        (b"q=1", b"z=1&q=1", "signature"),
    ],
)
def test_a_signed_url_that_was_changed_is_refused(old, new, kind):
    assert refusal(open_url, url().replace(old, new)) == kind


def test_a_signed_url_is_for_its_method_path_and_headers():
    assert refusal(open_url, url(), method="POST") == "signature"
    assert refusal(open_url, url(), path=PROXY + b"c") == "signature"
    for header in ((b"x-fc-log-type", b"Tail"), (b"content-type", b"text/plain")):
        assert refusal(open_url, url(), headers=[header]) == "signature"
        assert open_url(url(headers=[header]), headers=[header])


def test_a_signed_url_of_a_temporary_key_holds_its_token():
    temporary = Key("AK", "SK", "token/1")
    query = url(key=temporary)
    assert b"x-fc-security-token=token%2F1" in query
    assert open_url(query, lookup=keys(temporary))
    assert refusal(open_url, query) == "token"
    assert refusal(open_url, url(), lookup=keys(temporary)) == "token"
