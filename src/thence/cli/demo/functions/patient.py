"""Is still at work when the demo kills the service; the next attempt is told and is quick."""

import time
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if not context.previous_attempt_may_have_run:
        time.sleep(event["seconds"])
    # A function with effects outside would give context.idempotency_key to what must happen once.
    return {"told_of_the_lost_attempt": context.previous_attempt_may_have_run}
