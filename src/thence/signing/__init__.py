"""Signatures of requests, each scheme in one file that both signs and verifies.

    acs3      ACS3-HMAC-SHA256: Function Compute's OpenAPI clients
    acs_roa   `acs ak:signature`: the first OpenAPI clients of FC 2.0
    fc        `FC ak:signature` and signed URLs: Function Compute's older clients
    oss       `OSS ak:signature`: uploads of code with temporary keys
    sdk_hmac  SDK-HMAC-SHA256: FunctionGraph's clients

A door verifies with the function that a client signs with, so the two cannot drift apart. Everything
is given: the time by a Clock, keys by a lookup, a nonce by the signer. What is verified is the
request as it came over the wire (raw path, raw query, bytes of headers), never a decoded form of it:
where a scheme would give one signature to two requests with different meanings, one is refused.

Order of a verification: cheap checks first, the signature next, and only for a right signature the
nonce is written down, so that strangers cannot fill the memory of nonces.
"""
