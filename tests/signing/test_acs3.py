"""ACS3-HMAC-SHA256: the recorded request byte for byte, and everything that is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest

from thence.signing import acs3
from thence.signing.interface import Key, Refused

from .conftest import NOW, at, changed, keys, refusal

KEY = Key("test-key-id", "test-key-secret")
LOOKUP = keys(KEY)
# Recorded from alibabacloud_fc20230330 4.8.3 on 2026-11-22.
PATH = b"/2023-03-30/functions/smoke-fc3-1795359253/invocations"
QUERY = b"qualifier=LATEST"
BODY = b'{"sleep": 30}'
DIGEST = "b71cad0cf843e9e9234eb68abeb66c04ef8ed4fc80754968aa95000eac178ef3"
SIGNATURE = b"db361f19573e3a903ccf4b13c869e88de884a8fe28d47721ee998a46d560dc70"
RECORDED = [
    (b"accept-encoding", b"identity"),
    (b"content-length", b"13"),
    (b"host", b"127.0.0.1:18901"),
    (b"x-acs-version", b"2023-03-30"),
    (b"x-acs-action", b"InvokeFunction"),
    (
        b"user-agent",
        b"AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
    ),
    (b"x-acs-date", b"2026-11-22T14:54:13Z"),
    (b"x-acs-signature-nonce", b"e1b8438b29423c2c06a8785b43d425ac"),
    (b"accept", b"application/json"),
    (b"x-fc-async-task-id", b"task-1795359253"),
    (b"x-fc-invocation-type", b"Async"),
    (b"x-fc-log-type", b"None"),
    (b"content-type", b"application/octet-stream"),
    (b"x-acs-content-sha256", DIGEST.encode()),
    (b"x-acs-credentials-provider", b"static_ak"),
]
LISTED = (
    b"accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;"
    b"x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version;"
    b"x-fc-async-task-id;x-fc-invocation-type;x-fc-log-type"
)
AUTHORIZATION = (
    b"ACS3-HMAC-SHA256 Credential=test-key-id,SignedHeaders=" + LISTED + b",Signature=" + SIGNATURE
)
SENT = [*RECORDED, (b"authorization", AUTHORIZATION)]


def signed(headers=RECORDED, key=KEY, body=BODY, path=PATH, query=QUERY, method="POST"):
    """Signed again, after changes."""
    kept = [pair for pair in headers if pair[0] != b"authorization"]
    return acs3.sign(method, path, query, kept, body, key, now=NOW, nonce="n-1")


def check(headers, digest=DIGEST, lookup=LOOKUP, window=None, path=PATH, query=QUERY):
    return acs3.verify("POST", path, query, headers, digest, lookup, window or at())


def refused(headers, **named):
    return refusal(check, headers, **named)


def test_the_recorded_request_is_accepted():
    verified = check(SENT)
    assert verified.access_key_id == "test-key-id"
    assert verified.signed_at == NOW
    assert verified.body_sha256 == DIGEST == sha256(BODY).hexdigest()


def test_signing_the_recorded_request_gives_the_recorded_authorization():
    assert signed() == SENT


def test_the_body_may_come_after_the_verification_and_is_checked_then():
    verified = check(SENT, digest=None)
    verified.check_body(BODY)
    assert refusal(verified.check_body, BODY + b" ") == "body"


def test_a_body_other_than_the_signed_one_is_refused():
    assert refused(SENT, digest=sha256(b"{}").hexdigest()) == "body"
    assert refused(signed(changed(RECORDED, x_acs_content_sha256="UNSIGNED-PAYLOAD"))) == "body"
    assert refused(signed(changed(RECORDED, x_acs_content_sha256=DIGEST.upper()))) == "body"


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, "missing"),
        ("FC test-key-id:abc", "algorithm"),
        ("acs test-key-id:abc", "algorithm"),
        (AUTHORIZATION.decode().replace("SHA256", "SM3", 1), "algorithm"),
        (AUTHORIZATION.decode().replace("ACS3-HMAC", "ACS3-RSA", 1), "algorithm"),
        (AUTHORIZATION.decode().replace("ACS3-HMAC-SHA256", "acs3-hmac-sha256"), "algorithm"),
        ("ACS3-HMAC-SHA256", "malformed"),
        ("ACS3-HMAC-SHA256 Credential=test-key-id", "malformed"),
        (AUTHORIZATION.decode()[:-1], "malformed"),
        (AUTHORIZATION.decode() + "0", "malformed"),
        (AUTHORIZATION.decode()[:-64] + SIGNATURE.decode().upper(), "signature"),
        (AUTHORIZATION.decode()[:-1] + "1", "signature"),
        (AUTHORIZATION.decode().replace("test-key-id", "other"), "access_key"),
        (AUTHORIZATION.decode().replace("content-type;", ""), "signature"),
        (AUTHORIZATION.decode().replace("x-acs-action;", ""), "header"),
        (AUTHORIZATION.decode().replace("accept;", ""), "signature"),
        (AUTHORIZATION.decode().replace("accept;content-type", "content-type;accept"), "malformed"),
        (AUTHORIZATION.decode().replace("accept;", "accept;accept;"), "malformed"),
        (AUTHORIZATION.decode().replace("accept;", "Accept;"), "malformed"),
        (AUTHORIZATION.decode().replace("accept;", "accept;;"), "malformed"),
        (AUTHORIZATION.decode().replace("accept;", "abc;"), "header"),
        (AUTHORIZATION.decode().replace("accept;", "a" * 4096 + ";"), "malformed"),
    ],
)
def test_an_authorization_that_is_not_quite_right_is_refused(authorization, kind):
    assert refused(changed(SENT, authorization=authorization)) == kind


def test_two_authorizations_are_refused():
    assert refused([*SENT, (b"authorization", AUTHORIZATION)]) == "malformed"


def test_another_secret_gives_another_signature():
    assert refused(SENT, lookup=keys(Key("test-key-id", "test-key-secreT"))) == "signature"


@pytest.mark.parametrize(
    "name", ["host", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"]
)
def test_headers_that_the_scheme_rests_on_must_be_signed(name):
    listed = b";".join(part for part in LISTED.split(b";") if part != name.encode())
    unsigned = AUTHORIZATION.replace(LISTED, listed).decode()
    assert refused(changed(SENT, authorization=unsigned)) == "header"


@pytest.mark.parametrize("name", ["x_acs_new", "x_acs_security_token"])
def test_a_header_of_the_scheme_cannot_be_slipped_in_unsigned(name):
    assert refused(changed(SENT, **{name: "1"})) == "header"


UNSIGNED = {
    "content-type": "added by the HTTP library after the signing",
    "if-match": "never signed but by Python",
    "x-fc-account-id": "of FC 2.0, never signed but by Python",
    "x-fc-async-delay": "never signed but by Python",
    "x-fc-log-type": "never signed but by Python",
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_header_that_the_vendors_rule_leaves_open_is_taken_unsigned(name):
    key = name.replace("-", "_")
    without = changed(RECORDED, **{key: None})
    assert check([*signed(without), (name.encode(), b"1")])
    # Whoever signs it is protected all the same.
    with_it = signed(changed(RECORDED, **{key: "1"}))
    assert check(with_it)
    assert refused(changed(with_it, **{key: "2"})) == "signature"
    assert refused(changed(with_it, **{key: None})) == "header"
    assert refused([*with_it, (name.encode(), b"1")]) == "header"


# Recorded from @alicloud/fc20230330 4.7.6 (Node.js 20) on 2026-11-27, with what it leaves unsigned.
NODE_PATH = b"/2023-03-30/functions/node-fc3/invocations"
NODE_AT = 1_795_816_578_000
NODE_LISTED = (
    b"content-type;host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;"
    b"x-acs-signature-nonce;x-acs-version"
)
NODE = [
    (b"host", b"127.0.0.1:18901"),
    (b"x-acs-version", b"2023-03-30"),
    (b"x-acs-action", b"InvokeFunction"),
    (b"user-agent", b"AlibabaCloud (linux; x64) Node.js/v20.20.2 Core/1.0.1 TeaDSL/2"),
    (b"x-acs-date", b"2026-11-27T21:56:18Z"),
    (
        b"x-acs-signature-nonce",
        b"05840777743c231110cc7b4c775a06944680ca595a15485a820cf4024e17c859",
    ),
    (b"accept", b"application/json"),
    (b"x-fc-async-delay", b"5"),
    (b"x-fc-async-task-id", b"task-1"),
    (b"x-fc-invocation-type", b"Async"),
    (b"x-fc-log-type", b"None"),
    (b"content-type", b"application/octet-stream"),
    (b"x-acs-content-sha256", DIGEST.encode()),
    (b"x-acs-credentials-provider", b"static_ak"),
    (
        b"authorization",
        b"ACS3-HMAC-SHA256 Credential=test-key-id,SignedHeaders=%s,Signature=%s"
        % (NODE_LISTED, b"35bfd18450f4af139362a4eadf1c3a03071999490fc409e10e622bf4481b7783"),
    ),
    (b"connection", b"keep-alive"),
    (b"transfer-encoding", b"chunked"),
]


def test_the_recorded_request_of_the_node_client_is_accepted():
    verified = check(NODE, path=NODE_PATH, window=at(NODE_AT))
    assert verified == ("test-key-id", NODE_AT, DIGEST, None, True)
    for name in (b"x-acs-action", b"x-acs-version", b"content-type", b"host", b"x-acs-date"):
        key = name.decode().replace("-", "_")
        for value in (None, "other"):
            sent = changed(NODE, **{key: value})
            assert refused(sent, path=NODE_PATH, window=at(NODE_AT))


@pytest.mark.parametrize("name", NODE_LISTED.decode().split(";"))
def test_what_the_vendors_rule_requires_must_be_signed(name):
    """As the vendor's clients for Node.js, Java, Go, PHP and C# do; a content type may be added
    later, so that it alone is not required."""
    listed = b";".join(part for part in NODE_LISTED.split(b";") if part != name.encode())
    sent = changed(NODE, authorization=NODE[-3][1].replace(NODE_LISTED, listed).decode())
    kind = "signature" if name == "content-type" else "header"
    assert refused(sent, path=NODE_PATH, window=at(NODE_AT)) == kind


@pytest.mark.parametrize("name", [b"host", b"x-fc-log-type", b"content-type", b"accept"])
@pytest.mark.parametrize("first", [True, False])
def test_a_signed_header_that_comes_twice_is_refused(name, first):
    again = (name, dict(RECORDED)[name])
    assert refused([again, *SENT] if first else [*SENT, again]) == "header"


def test_headers_that_nobody_signs_may_change_on_the_way():
    sent = changed(SENT, accept_encoding="gzip", traceparent="00-1-2-01")
    assert check([*sent, (b"via", b"a"), (b"via", b"b")])


def test_spaces_around_a_signed_value_do_not_count():
    assert check(changed(SENT, accept=" \tapplication/json "))


def test_dates_outside_the_window_are_refused():
    assert check(SENT, window=at(NOW + 900_000)) and check(SENT, window=at(NOW - 900_000))
    assert refused(SENT, window=at(NOW + 900_001)) == "date"
    assert refused(SENT, window=at(NOW - 900_001)) == "date"
    assert refused(SENT, window=at(NOW + 60_001, seconds=60)) == "date"


@pytest.mark.parametrize(
    "date",
    ["", "2026-11-22", "2026-11-22T14:54:13", "2026-13-22T14:54:13Z", "2026-11-22T14:54:60Z"],
)
def test_dates_that_are_none_are_refused(date):
    assert refused(signed(changed(RECORDED, x_acs_date=date))) == "date"


def test_a_nonce_counts_once():
    window = at()
    check(SENT, window=window)
    assert refused(SENT, window=window) == "replay"
    other_request = signed(changed(RECORDED, x_fc_log_type="Tail"))
    assert refused(other_request, window=window) == "replay"
    assert check(signed(changed(RECORDED, x_acs_signature_nonce="another")), window=window)


def test_a_nonce_of_a_refused_request_is_not_used_up():
    window = at()
    assert refused(changed(SENT, x_fc_log_type="Tail"), window=window) == "signature"
    assert check(SENT, window=window)


@pytest.mark.parametrize("nonce", ["", "n" * 129])
def test_a_nonce_has_a_length(nonce):
    assert refused(signed(changed(RECORDED, x_acs_signature_nonce=nonce))) == "header"


def test_a_security_token_is_taken_only_where_the_key_has_one():
    temporary = Key("test-key-id", "test-key-secret", "token-1")
    sent = signed(key=temporary)
    assert dict(sent)[b"x-acs-security-token"] == b"token-1"
    assert dict(sent)[b"x-acs-accesskey-id"] == b"test-key-id"
    assert check(sent, lookup=keys(temporary))
    assert refused(sent) == "token"
    assert refused(SENT, lookup=keys(temporary)) == "token"
    assert refused(sent, lookup=keys(Key("test-key-id", "test-key-secret", "token-2"))) == "token"


def test_an_empty_security_token_is_none():
    assert check(signed(changed(RECORDED, x_acs_security_token="", x_acs_accesskey_id="")))


def test_the_access_key_id_that_goes_with_a_token_is_the_one_that_signed():
    assert refused(signed(changed(RECORDED, x_acs_accesskey_id="other"))) == "token"


@pytest.mark.parametrize(
    "bearer",
    [
        {"x_acs_bearer_token": "t"},
        {"x_acs_bearer_token": "t", "x_acs_signature_type": "BEARERTOKEN"},
        {"x_acs_signature_type": "bearertoken"},
        {"x_acs_zero_trust_idtoken": "t"},
    ],
)
def test_bearer_tokens_are_refused_with_a_signature_and_without(bearer):
    assert refused(changed(RECORDED, **bearer)) == "algorithm"
    assert refused(signed(changed(RECORDED, **bearer))) == "algorithm"


@pytest.mark.parametrize(
    ("query", "same"),
    [
        (b"prefix=a+b%2A~c%2B%2F%3D%26%E4%B8%AD", b"prefix=a%20b*~c%2b/%3d%26%e4%b8%ad"),
        (b"b=2&a=1", b"a=1&b=2"),
        (b"a=1&b=2", b"a=1&&b=2&"),
        (b"a", b"a="),
        (b"%71ualifier=LATEST", b"qualifier=LATES%54"),
    ],
)
def test_spellings_of_one_query_have_one_signature(query, same):
    assert check(signed(query=query), query=same)
    assert check(signed(query=same), query=query)


@pytest.mark.parametrize(
    ("query", "other"),
    [
        (b"a=1&a=2", b"a=2&a=1"),
        (b"a%3Db=c", b"a=b%3Dc"),
        (b"a%3D1%26b=2", b"a=1&b=2"),
        (b"a=%FF", b"a=%FE"),
        (b"a=1%0A", b"a=1"),
        (b"a=+", b"a=%2B"),
    ],
)
def test_queries_that_mean_different_things_have_different_signatures(query, other):
    assert check(signed(query=query), query=query)
    assert refused(signed(query=query), query=other) == "signature"


def test_a_path_is_signed_as_it_is_on_the_wire():
    path = b"/2023-03-30/functions/%E5%90%8D%20%E5%89%8D%2Fx"
    assert check(signed(path=path), path=path)
    assert refused(signed(path=path), path=path.replace(b"%2F", b"/")) == "signature"


def test_a_line_feed_in_a_header_does_not_make_another_request():
    sent = changed(RECORDED, x_fc_log_type="None\nx-fc-log-zoo:1")
    assert refused(signed(sent)) == "malformed"


def test_a_refusal_never_tells_a_secret():
    temporary = Key("test-key-id", "test-key-secret", "token-1")
    assert "secret" not in repr(temporary).replace("test-key-id", "")
    for lookup in (keys(temporary), keys(Key("test-key-id", "another-secret"))):
        with pytest.raises(Refused) as caught:
            check(SENT, lookup=lookup)
        text = f"{caught.value} {caught.value.fields}"
        assert "test-key-secret" not in text and "token-1" not in text
        assert SIGNATURE.decode() not in text


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("a", "")])
def test_a_key_without_id_or_secret_is_none(key, secret):
    with pytest.raises(Exception, match="is empty"):
        Key(key, secret)
