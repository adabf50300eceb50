"""What runs inside the function's process; nothing of the node is imported here.

`worker.py` answers frames, `contracts/` says how a handler is called and what it is told, `handler.py`
finds it, `hooks.py` runs initializer and pre-stop hook, `trial.py` loads without calling, `result.py`
words a result that cannot be kept, `failure.py` describes an exception.

This file imports nothing: what the fork server loads every instance carries.
"""
