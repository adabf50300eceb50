"""How routes under `/v1` are written: what a route is, what its handler is given, its answers, and the
application that serves the routes of all doors. OpenAPI describes them all (native/openapi.py)."""
