"""The warm pool, on the node. It knows no language.

`pool.py` is the `Runtime` and says which instance gets a run; `crew.py` keeps the books of instances
and ends them; `lane.py` says how many runs of one function may be handed over, `slots.py` how much of
the node one holds; `instance.py` speaks with one instance; `sweep.py` watches time (`deadline.py`),
memory (`memory.py`) and output; `idle.py` retires, and what retires runs its pre-stop hook in
`pre_stop.py`; `ending.py` words an ending; `trials.py` loads code before it is deployed;
`wait_until.py` waits when the node leaves.
"""
