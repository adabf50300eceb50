"""Functions in Python.

On the node: `launcher.py` starts the fork server and asks it for instances, `leftovers.py` waits for
its end. `fork_server/` is a process of its own, small, clean and preloaded, that forks an instance per
request. `function/` is what runs inside the function's process.

What separates functions is a process, its limits and a clean environment; all run as the service's
user, so code that is not trusted needs a user or a machine of its own.

This file imports nothing: the fork server loads it, and what it loads every instance carries.
"""
