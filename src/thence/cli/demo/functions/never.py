"""Never succeeds: what it is asked to do cannot be done."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> None:
    raise LookupError(f"there is no account {event['account']}")
