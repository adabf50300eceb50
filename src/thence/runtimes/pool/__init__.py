"""The warm pool, on the node. It knows no language.

`pool.py` is the `Runtime` and builds the rest. `placing.py` says which instance gets a run and when
another one is started, `reports.py` hears of instances and launchers, `stopping.py` ends instances,
`books.py` counts; `done.py` tells the engine how runs ended, in the words of `ended.py`.

`instance.py` is one instance, `connection.py` its socket, output and shared words, `answer.py` what
it answers. `lane.py` says how many runs of one function may be handed over, `slots.py` how much of
the node one holds. `sweep.py` watches time (`deadline.py`), memory (`memory.py`) and output;
`idle.py` retires, and what retires runs its pre-stop hook (`pre_stop.py`); `trials.py` loads code
before it is deployed; `wait_until.py` waits when the node leaves.
"""
