"""Functions in Python, run by a warm pool of instances in processes of their own.

    node (pool.py) ── requests, reports ──> forker.py      one small, clean, preloaded process
        │                                       │ fork      (guardian.py outlives it)
        └──────────── frames.py ──────────> worker.py      an instance, one run at a time

On the node: `pool.py` is the `Runtime` and says which instance gets a run; `crew.py` keeps the
books of instances and ends them; `lane.py` says how many runs of one function may be handed over;
`instance.py` speaks with one instance; `sweep.py` watches time (`deadline.py`), memory (`memory.py`)
and output; `idle.py` retires, and what retires runs its pre-stop hook in `leaving.py`; `nursery.py`
speaks with the forker, `remains.py` waits for its end; `ending.py` words an ending; `until.py` waits
when the node leaves.

In the instance: `worker.py` answers frames, `contracts/` says how a handler is called and what it
is told, `handler.py` finds it, `hooks.py` runs initializer and pre-stop hook, `result.py` words a
result that cannot be kept, `failure.py` describes an exception, `cage.py` sets limits, files and
environment, `privileges.py` takes what functions must not have, `children.py`, `mark.py` and
`guardian.py` find what they leave, `folders.py` removes it. `setup.py` is what the node asks for.
These import nothing of the node.

What separates functions is a process, its limits and a clean environment; all run as the service's
user, so code that is not trusted needs a user or a machine of its own.

This file imports nothing: the forker loads it, and what the forker loads every instance carries.
"""
