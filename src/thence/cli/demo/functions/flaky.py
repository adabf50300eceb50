"""Fails twice, then succeeds, as a service that is busy for a while would make it."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The number of retries is told by the service; the function keeps nothing of its own."""
    if context.retry_count < event["failures"]:
        raise ConnectionError(f"the price service is busy (try {context.retry_count + 1})")
    return {"order": event["order"], "price": 42, "after_retries": context.retry_count}
