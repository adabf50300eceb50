"""The native door, `/v1`: JSON, RFC 9457 problems, OpenAPI 3.1. One module a noun.

`route.py` says what a route is, `call.py` what a handler is given; `table.py` lists all routes;
`openapi.py` describes them. Handlers return `answer.py`'s responses or raise a ThenceError, which
`problems.py` turns into an answer.
"""
