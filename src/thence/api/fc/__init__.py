"""The door of Alibaba Function Compute: three generations of its HTTP interface on one engine.

    names.py     services, functions, qualifiers and ARNs in their words and in ours
    authenticator.py  who asks: signatures, dates, nonces
    call.py      one request: path, query and body, read and checked
    answer.py    resources, and errors with all five keys
    errors.py    our errors as their codes and statuses (reference 3.4)
    app.py       routing; table.py puts the routes of all files together

Everything else is one file a subject. The words of the vendor end here: what lies behind speaks of
functions, invocations and deliveries. docs/reference/api-fc.md says what was chosen where the
vendor's documents are silent.
"""
