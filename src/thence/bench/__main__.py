"""`python -m thence.bench`."""

from . import main

raise SystemExit(main())
