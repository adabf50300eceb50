"""What the demo deploys and sends, and what each call must come to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from msgspec import Struct

from ...catalog.code import pack
from .archives import archives, corrupt, listing

SUCCESSES, FAILURES = "unzipped", "dead-letters"
FLAKY_FAILURES = 2
PATIENT_SECONDS = 20  # far longer than the demo waits before it kills the service
_QUICK = {"first_seconds": 0.4, "factor": 2.0, "cap_seconds": 2.0, "jitter": "equal"}


class Send(Struct):
    """One invocation that the demo asks for, and its promised end."""

    label: str
    function: str
    payload: bytes
    content_type: str
    state: str  # the final state it must reach
    destination: str  # where its record must arrive
    attempts: int  # that it takes, besides those that a crash cut off
    result: Callable[[Any], bool]
    delay_seconds: int = 0
    id: str = ""


def functions(webhook: str, secret: str) -> dict[str, dict[str, Any]]:
    """The functions by name, as the native door takes them."""
    failures = f"queue:{FAILURES}"
    orders = {"type": "webhook", "url": webhook, "secrets": [secret]}
    return {
        "unzip": _function(
            "unzip", event="bytes", max_retries=1, concurrency=3,
            on_success=f"queue:{SUCCESSES}", on_failure=failures,
        ),
        "flaky": _function("flaky", max_retries=3, on_success=orders, on_failure=failures),
        "never": _function("never", max_retries=2, on_failure=failures),
        "patient": _function("patient", max_retries=0, on_success=f"queue:{SUCCESSES}"),
    }  # fmt: skip


def _function(module: str, **settings: Any) -> dict[str, Any]:
    source = files(__package__).joinpath("functions", f"{module}.py").read_bytes()
    return {
        "handler": f"{module}.handler",
        "timeout_seconds": 60,
        "retry_wait": _QUICK,
        "code": base64.b64encode(pack([(f"{module}.py", source)])).decode(),
        **settings,
    }


def sends() -> list[Send]:
    """Everything that is sent, in this order."""
    sound = archives()
    found = [_unzip(name, archive) for name, archive in sound.items()]
    found[3].delay_seconds = 2
    found.append(
        Send(
            "broken.zip", "unzip", corrupt(sound["figures.zip"]), "application/zip", "failed",
            f"queue:{FAILURES}", 2, _nothing,
        )
    )  # fmt: skip
    for order in (1001, 1002):
        found.append(_flaky(order))
    found.append(_json("account 7", "never", {"account": 7}, "failed", 3, _nothing))
    told = {"told_of_the_lost_attempt": True}
    patient = {"seconds": PATIENT_SECONDS}
    found.append(
        _json("cut off", "patient", patient, "succeeded", 1, lambda result: result == told)
    )
    return found


def _unzip(name: str, archive: bytes) -> Send:
    expected = listing(archive)
    return Send(
        name, "unzip", archive, "application/zip", "succeeded", f"queue:{SUCCESSES}", 1,
        lambda result: result["files"] == expected,
    )  # fmt: skip


def _flaky(order: int) -> Send:
    payload = {"order": order, "failures": FLAKY_FAILURES}
    expected = {"order": order, "price": 42, "after_retries": FLAKY_FAILURES}
    send = _json(
        f"order {order}",
        "flaky",
        payload,
        "succeeded",
        FLAKY_FAILURES + 1,
        lambda result: result == expected,
    )
    send.destination = "webhook"
    return send


def _json(
    label: str,
    function: str,
    payload: Any,
    state: str,
    attempts: int,
    result: Callable[[Any], bool],
) -> Send:
    body = json.dumps(payload).encode()
    where = f"queue:{SUCCESSES if state == 'succeeded' else FAILURES}"
    return Send(label, function, body, "application/json", state, where, attempts, result)


def _nothing(result: Any) -> bool:
    return result is None
