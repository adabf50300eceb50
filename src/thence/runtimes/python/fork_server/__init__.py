"""The process that forks instances (`server.py`, their folders in `instance_folders.py`) and the one that
outlives it (`guardian.py`).

This file imports nothing: what the fork server loads every instance carries.
"""
