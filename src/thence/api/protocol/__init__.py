"""Our protocol class under uvicorn: the bounds of a connection, and the fast path of accepts."""
