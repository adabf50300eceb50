"""How a function's code is run. `interface.py` is the contract, `process/` the warm pool of Python
instances in processes of their own; a remote HTTP endpoint will be a further file."""
