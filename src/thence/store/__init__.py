"""Where invocations are kept. `interface/` is the contract, a folder with `driver.py` is a driver
(drivers.py has the list); everything else here is there for any driver."""
