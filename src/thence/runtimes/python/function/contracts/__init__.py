"""In the instance: how handlers are called and what they are told, a file for each contract.

`contract.py` is what they have in common, `choice.py` finds the one that a function names. A
vendor's words stay in that vendor's file.

This file imports nothing: the fork server loads it, and what the fork server loads every instance carries.
"""
