"""What the node and the process of an instance say to each other. Both sides import this, so it imports
neither: `frames.py` has the bytes and the shared memory, `setup.py` what the node asks for, `output.py`
the bounds of captured output.

This file imports nothing: what the fork server loads every instance carries.
"""
