"""SDK-HMAC-SHA256: the vendor's vectors, the body's hash in all its forms, and what is refused."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from thence.signing import sdk_hmac
from thence.signing.interface import EMPTY_SHA256, Key

from .conftest import at, changed, keys, refusal

KEY = Key("AKEXAMPLE", "SKEXAMPLE")
LOOKUP = keys(KEY)
NOW = 1_767_323_045_000  # 2026-01-02T03:04:05Z
PLAIN = [
    (b"host", b"127.0.0.1:8080"),
    (b"user-agent", b"t"),
    (b"x-project-id", b"p1"),
    (b"x-sdk-date", b"20260102T030405Z"),
    (b"content-type", b"application/json"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
]
LISTED = b"content-type;host;user-agent;x-project-id;x-sdk-date"
FUNCTION = b"/v2/p1/fgs/functions/urn%3Afss%3Alocal-1%3Ap1%3Afunction%3Adefault%3Ademo%3A"
PATH = FUNCTION + b"%21prod/invocations-async"
BODY = b'{"k": "v"}'
DIGEST = sha256(BODY).hexdigest()
# Both made with huaweicloudsdkcore 3.1.219.
VECTORS = [
    (
        *("POST", PATH, b"", BODY),
        b"a0c7c39dfa9aa738582beb291bb00aca84729127cab598c8aba4c8dd3a227859",
    ),
    (
        *("GET", FUNCTION + b"latest/async-invocations"),
        b"limit=2&query_begin_time=2026-01-02T03%3A04%3A05&status=FAIL",
        b"",
        b"385c107f58940574201187e6263bafb712a99a6095e7aceb3763cf011dbef34f",
    ),
]


def signed(headers=PLAIN, body=BODY, path=PATH, query=b"", key=KEY):
    return sdk_hmac.sign("POST", path, query, headers, body, key, now=NOW)


SENT = signed()
AUTHORIZATION = SENT[-1][1].decode()


def check(headers, body=BODY, path=PATH, query=b"", lookup=LOOKUP, window=None):
    digest = sha256(body).hexdigest()
    return sdk_hmac.verify("POST", path, query, headers, digest, lookup, window or at(NOW))


def refused(headers, **named):
    return refusal(check, headers, **named)


@pytest.mark.parametrize(("method", "path", "query", "body", "signature"), VECTORS)
def test_the_vectors_of_the_vendor(method, path, query, body, signature):
    sent = sdk_hmac.sign(method, path, query, PLAIN, body, KEY, now=NOW)
    value = b"SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=%s, Signature=%s"
    assert sent == [*PLAIN, (b"authorization", value % (LISTED, signature))]
    digest = sha256(body).hexdigest()
    verified = sdk_hmac.verify(method, path, query, sent, digest, LOOKUP, at(NOW))
    assert verified == ("AKEXAMPLE", NOW, digest, None, False)


def test_what_the_headers_say_is_judged_before_the_body_is_there():
    def read(headers, lookup=LOOKUP):
        return sdk_hmac.read("POST", PATH, b"", headers, lookup, at(NOW))

    assert refusal(read, SENT, lookup=keys()) == "access_key"
    claim = read(SENT)
    assert claim.prove(DIGEST)
    assert refusal(claim.prove, EMPTY_SHA256) == "signature"


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        (AUTHORIZATION.replace("SHA256", "SM3", 1), "algorithm"),
        (AUTHORIZATION.replace("SDK-HMAC-SHA256", "V11-HMAC-SHA256"), "algorithm"),
        (AUTHORIZATION.replace("SDK-HMAC-SHA256", "SDK-ECDSA-P256-SHA256"), "algorithm"),
        ("SDK-HMAC-SHA256", "malformed"),
        (AUTHORIZATION[:-1], "malformed"),
        (AUTHORIZATION[:-64] + AUTHORIZATION[-64:].upper(), "signature"),
        (AUTHORIZATION.replace("EXAMPLE", "EXAMPL"), "access_key"),
        (AUTHORIZATION.replace("user-agent;", ""), "signature"),
        (AUTHORIZATION.replace("host;", ""), "signature"),
        (AUTHORIZATION.replace("content-type;", ""), "signature"),
        (AUTHORIZATION.replace("x-project-id;", ""), "signature"),
        (AUTHORIZATION.replace(";x-sdk-date", ""), "header"),
        (AUTHORIZATION.replace(", ", ","), None),
    ],
)
def test_an_authorization_that_is_not_quite_right_is_refused(authorization, kind):
    headers = changed(SENT, authorization=authorization)
    if kind is None:
        assert check(headers)
    else:
        assert refused(headers) == kind


@pytest.mark.parametrize("name", ["x_sdk_content_sha256", "x_sdk_new", "x_security_token"])
def test_a_header_of_the_scheme_cannot_be_slipped_in_unsigned(name):
    assert refused(changed(SENT, **{name: "1"})) == "header"


UNSIGNED = {
    "content-type": "never signed by the clients for Go and C#, nor a form's by that for Java",
    "host": "never signed by the clients for Go and PHP",
    "x-cff-log-type": "set after the signing",
    "x-domain-id": "set after the signing",
    "x-project-id": "set after the signing",
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_header_that_the_vendors_rule_leaves_open_is_taken_unsigned(name):
    key = name.replace("-", "_")
    without = changed(PLAIN, **{key: None})
    assert check([*signed(without), (name.encode(), b"1")])
    # Whoever signs it is protected all the same.
    with_it = signed(changed(PLAIN, **{key: "1"}))
    assert check(with_it)
    assert refused(changed(with_it, **{key: "2"})) == "signature"
    assert refused(changed(with_it, **{key: None})) == "header"
    assert refused([*with_it, (name.encode(), b"1")]) == "header"


def test_a_client_that_signs_nothing_but_the_date_is_taken():
    text = b"POST\n%s/\n\nx-sdk-date:20260102T030405Z\n\nx-sdk-date\n%s" % (PATH, DIGEST.encode())
    text = b"SDK-HMAC-SHA256\n20260102T030405Z\n" + sha256(text).hexdigest().encode()
    signature = hmac.new(b"SKEXAMPLE", text, sha256).hexdigest()
    value = "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=x-sdk-date, Signature=" + signature
    sent = [*PLAIN, (b"authorization", value.encode())]
    assert check(sent).access_key_id == "AKEXAMPLE"
    assert refused(changed(sent, x_sdk_date="20260102T030406Z")) == "signature"
    assert refused(changed(sent, x_sdk_date=None)) == "header"
    assert refused(changed(sent, x_sdk_new="1")) == "header"


def test_a_signed_header_that_comes_twice_is_refused():
    assert refused([*SENT, (b"x-project-id", b"p1")]) == "header"
    assert check([*SENT, (b"accept", b"text/html")])


@pytest.mark.parametrize("name", ["user_agent", "host", "x_project_id"])
def test_a_changed_header_is_refused(name):
    assert refused(changed(SENT, **{name: "other"})) == "signature"


def test_a_changed_body_is_refused():
    assert refused(SENT, body=b"") == "signature"
    assert refused(SENT, body=BODY + b" ") == "signature"


def test_a_content_hash_must_be_the_bodys():
    assert check(signed(changed(PLAIN, x_sdk_content_sha256=DIGEST))).body_sha256 == DIGEST
    sent = signed(changed(PLAIN, x_sdk_content_sha256=DIGEST))
    assert refused(sent, body=b"{}") == "body"
    assert refused(sent, body=b"") == "body"
    assert refused(signed(changed(PLAIN, x_sdk_content_sha256=DIGEST)), body=BODY[1:]) == "body"


@pytest.mark.parametrize("text", ["x", "unsigned-payload", DIGEST.upper()])
def test_a_content_hash_that_is_none_is_refused(text):
    listed = AUTHORIZATION.replace("x-sdk-date", "x-sdk-content-sha256;x-sdk-date")
    headers = changed(SENT, x_sdk_content_sha256=text, authorization=listed)
    assert refused(headers) == "body"


def test_a_body_that_is_no_json_is_taken_unsigned():
    binary = changed(
        PLAIN, content_type="application/octet-stream", x_sdk_content_sha256="UNSIGNED-PAYLOAD"
    )
    verified = check(signed(binary))
    assert verified.body_sha256 is None
    assert check(signed(binary), body=b"another body")
    # An empty body is signed as one by some clients (Python), whatever the header says, by others
    # (Go, C#, PHP, Java) with the word of the header.
    assert check(signed(binary, body=b""), body=b"").body_sha256 == EMPTY_SHA256
    assert check(signed(binary), body=b"")
    assert refused(signed(binary, body=b"")) == "signature"
    assert refused(changed(signed(binary), user_agent="u"), body=b"") == "signature"


@pytest.mark.parametrize("kind", [None, "application/json", "Application/BSON"])
def test_a_json_body_that_its_client_left_unsigned_is_taken(kind):
    """The client for PHP leaves each of them unsigned."""
    sent = signed(changed(PLAIN, content_type=kind, x_sdk_content_sha256="UNSIGNED-PAYLOAD"))
    assert check(sent).body_sha256 is None
    assert check(sent, body=b"{}")
    for more in ({"user_agent": "u"}, {"x_sdk_content_sha256": DIGEST}):
        assert refused(changed(sent, **more)) == "signature"
    assert refused(changed(sent, x_sdk_content_sha256=None)) == "header"


def test_a_body_that_its_client_signed_cannot_be_made_an_unsigned_one():
    listed = AUTHORIZATION.replace("x-sdk-date", "x-sdk-content-sha256;x-sdk-date")
    headers = changed(SENT, x_sdk_content_sha256="UNSIGNED-PAYLOAD")
    assert refused(headers, body=b"{}") == "header"
    assert refused(changed(headers, authorization=listed), body=b"{}") == "signature"
    with_hash = signed(changed(PLAIN, x_sdk_content_sha256=DIGEST))
    assert refused(changed(with_hash, x_sdk_content_sha256="UNSIGNED-PAYLOAD")) == "signature"


@pytest.mark.parametrize(
    "date", ["", "2026-01-02T03:04:05Z", "20260102T030405", "20260002T030405Z"]
)
def test_dates_that_are_none_are_refused(date):
    assert refused(changed(SENT, x_sdk_date=date)) == "date"


def test_dates_outside_the_window_are_refused_and_one_request_may_come_twice_in_it():
    window = at(NOW + 900_000)
    assert check(SENT, window=window) and check(SENT, window=window)
    assert refused(SENT, window=at(NOW + 900_001)) == "date"
    assert refused(SENT, window=at(NOW - 900_001)) == "date"


def test_an_urn_may_be_encoded_or_not():
    bare = PATH.replace(b"%3A", b":").replace(b"%21", b"!")
    assert check(SENT, path=bare) and check(signed(path=bare), path=PATH)
    assert check(SENT, path=PATH + b"/")
    assert refused(SENT, path=PATH.replace(b"/fgs", b"%2Ffgs")) == "malformed"


@pytest.mark.parametrize(
    ("query", "same"),
    [
        (b"b=2&a=1", b"a=1&b=2"),
        (b"a=2&a=1", b"a=1&a=2"),
        (b"a=x%20y%3A", b"a=x+y:"),
        (b"a", b"a="),
    ],
)
def test_spellings_of_one_query_have_one_signature(query, same):
    assert check(signed(query=query), query=same)


@pytest.mark.parametrize(
    ("query", "other"),
    [(b"a%3Db=c", b"a=b%3Dc"), (b"a=1%26b=2", b"a=1&b=2"), (b"a=1", b"a=1&b="), (b"", b"a=1")],
)
def test_queries_that_mean_different_things_have_different_signatures(query, other):
    assert refused(signed(query=query), query=other) == "signature"


def test_a_line_feed_in_a_header_does_not_make_another_request():
    sent = signed(changed(PLAIN, user_agent="t"))
    assert refused(changed(sent, user_agent="t\nx:y")) == "malformed"


def test_a_security_token_is_taken_only_where_the_key_has_one():
    temporary = Key("AKEXAMPLE", "SKEXAMPLE", "token-1")
    sent = signed(key=temporary)
    assert (b"x-security-token", b"token-1") in sent
    assert check(sent, lookup=keys(temporary))
    assert refused(sent) == "token"
    assert refused(SENT, lookup=keys(temporary)) == "token"
