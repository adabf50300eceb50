"""For all tests: time never decides one, so property tests have no deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thence", deadline=None, print_blob=True)
settings.load_profile("thence")
