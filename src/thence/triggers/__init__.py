"""What causes invocations inside the service: a source is watched, and what it yields is accepted.

    interface.py   the contract of a kind: its configuration, its source, what a firing is
    kinds.py       the list of kinds, with those that other packages install
    trigger.py     one trigger as it is configured and kept
    runner.py      watches the source of one trigger and accepts what it yields
    triggers.py    all triggers of the service: put, looked at, deleted; started and stopped

A trigger belongs to a function and goes with it. To add a kind: docs/build/triggers.md.
"""
