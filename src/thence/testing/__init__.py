"""Virtual time for users and for our own tests: see docs/testing.md.

service       the whole service in one process: functions and webhooks scripted, time advanced
clock         the clock that stands still until it is advanced
answers       what a scripted function answers
receivers     webhooks' other ends
runtime, watched, incarnation      what the service is built of
fixtures      the pytest fixture `thence_service`
"""

from __future__ import annotations

from .answers import Crash, Error, Forever, Lost, Ok, OutOfMemory, PlatformError, Throttle
from .clock import VirtualClock
from .receivers import Received, Receiver
from .runtime import ScriptedRuntime, Scripts
from .service import Service

__all__ = [
    "Crash",
    "Error",
    "Forever",
    "Lost",
    "Ok",
    "OutOfMemory",
    "PlatformError",
    "Received",
    "Receiver",
    "ScriptedRuntime",
    "Scripts",
    "Service",
    "Throttle",
    "VirtualClock",
]
