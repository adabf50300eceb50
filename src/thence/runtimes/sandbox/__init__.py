"""What keeps a function from harming others, by the kernel's means. The node, the processes that start
instances and the instances themselves import it; it imports nothing of theirs but the wire.

`confine.py` closes folders and memory, `privileges.py` takes what functions must not have, `limits.py`
sets limits, files and environment, `children.py` and `instance_mark.py` find what they leave,
`folders.py` removes their files.

This file imports nothing: what the fork server loads every instance carries.
"""
