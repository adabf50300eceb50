"""The real program under load, killed and starved: nothing that was accepted may be lost.

program.py  `thence serve` as a process          load.py    callers, and what they were told
ledger.py   what must be true of a store afterwards     functions.py  what is deployed
"""
