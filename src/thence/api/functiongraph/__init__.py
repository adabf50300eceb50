"""The door of Huawei FunctionGraph: its HTTP interface v2 on the one engine.

    urn.py       functions, packages, versions and aliases in their words and in ours
    authenticator.py  who asks: SDK-HMAC-SHA256, or a token
    call.py      one request: path, query and body, read and checked
    answer.py    errors as `error_code` and `error_msg`
    errors.py    our errors as FSS codes and statuses (reference 14.1)
    app.py       routing; table.py puts the routes of all files together

Everything else is one file a subject. The words of the vendor end here: what lies behind speaks of
functions, invocations and deliveries. docs/reference/api-functiongraph.md says what was chosen where
the vendor's documents are silent.
"""
