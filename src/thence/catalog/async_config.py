"""The asynchronous configuration of one qualifier (`latest`, a version or an alias) of a function.

Where a qualifier has none, what is written in the function's own spec counts. The configuration of
the qualifier that a call names counts for its whole life, also where that is an alias and a version
runs it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from ..lifecycle.policy import EVENT_AGE_SECONDS_MAX, RETRIES_MAX, RetryWait
from .destination import Destination
from .function import Function
from .kinds import stored_destination


class AsyncConfig(Struct, frozen=True):
    """`listed`: invocations are kept in the function's list under their caller ids, and an id is
    taken only once (FC: task mode). `followed`: each is marked when it is accepted, so that whoever
    follows the journal for such ones knows them, whatever is configured later (FunctionGraph: status
    log). `stop_notifies`: a stopped invocation owes its record to
    on_failure as well (FC: reference 5.4)."""

    max_retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] = 3
    max_event_age_seconds: Annotated[int, Meta(ge=1, le=EVENT_AGE_SECONDS_MAX)] = 86_400
    retry_wait: RetryWait = RetryWait()
    on_success: Any = None  # as written, see catalog/kinds.py
    on_failure: Any = None
    listed: bool = False
    stop_notifies: bool = False
    followed: bool = False
    created_at: int = 0
    updated_at: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)  # what a vendor's door keeps beside

    def destination(self, *, success: bool) -> Destination | None:
        """The destination for that ending, or None."""
        written = self.on_success if success else self.on_failure
        return None if written is None else stored_destination(written)


NATIVE = AsyncConfig()


def of_function(function: Function) -> AsyncConfig:
    """What is written in the function's own spec, as a configuration."""
    spec = function.spec
    return AsyncConfig(
        max_retries=spec.max_retries,
        max_event_age_seconds=spec.max_event_age_seconds,
        retry_wait=spec.retry_wait,
        on_success=spec.on_success,
        on_failure=spec.on_failure,
        listed=spec.listed,
        created_at=function.created_at,
        updated_at=function.updated_at,
    )


def as_a_whole(
    said: Mapping[str, Any],
    defaults: AsyncConfig,
    *,
    before: AsyncConfig | None = None,
    kept: Collection[str] = (),
) -> AsyncConfig:
    """A configuration that is put as a whole: what is not said, or said as null, has the door's
    default, whatever was there. `kept`: what the door has no word for, and leaves as it was
    `before`."""
    values = {name: value for name, value in said.items() if value is not None}
    if before is not None:
        values |= {name: getattr(before, name) for name in kept}
    return replace(defaults, **values)
