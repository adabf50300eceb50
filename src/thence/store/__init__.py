"""Where invocations are kept. `interface.py` is the contract, one folder a driver."""
