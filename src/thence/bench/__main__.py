"""`python -m thence.bench`."""

from .main import main

raise SystemExit(main())
