"""The doors: HTTP only. `native/` is the door under `/v1`; other dialects are folders beside it.

`protocol.py` answers the hot route (an accept) inside the HTTP protocol itself; everything else goes
through `app.py`, an ASGI application. `door.py` is what both know of the service.
"""
