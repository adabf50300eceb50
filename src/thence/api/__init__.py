"""The doors: HTTP only. `native/` is the door under `/v1`; other dialects are folders beside it.

`protocol/` answers the fast path (an accept) inside the HTTP protocol itself; everything else goes
through `app.py`, an ASGI application. `shared/` is what every door needs, `metrics/` what is counted.
"""
