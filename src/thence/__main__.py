"""`python -m thence`: the same as `thence`."""

from .cli import main

main()
