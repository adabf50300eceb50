"""For all tests: time never decides one, so property tests have no deadline; the kinds of destinations
are those of every service."""

from __future__ import annotations

from hypothesis import settings

from thence.api.doors import installed, record_forms
from thence.destinations.kinds import install_kinds

settings.register_profile("thence", deadline=None, print_blob=True)
settings.load_profile("thence")

install_kinds(forms=tuple(record_forms(installed())))
