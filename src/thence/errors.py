"""Every error that Thence raises on purpose: one tree, a stable code and a sentence each.

A sentence names the field, the value, the limit and what to do. HTTP statuses are chosen in
`api/`, exit codes in `cli/`; nothing here knows of either. Secrets never appear in a message.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self


class ThenceError(Exception):
    """The root. `code` is stable and documented; `detail` is a sentence; `fields` are facts for programs."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something inside Thence failed"

    def __init__(self, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields

    def again(self) -> Self:
        """The same for another asker. An exception that is raised anew keeps, with its traceback, all
        that stood in the frames of whoever it was raised to before."""
        return copy.copy(self)


# ---------------------------------------------------------------- the caller's mistakes


class InvalidInput(ThenceError):
    """A value outside its limits. `fields` has at least `field`; usually `value` and `limit` too."""

    code = "invalid_input"
    title = "A value in the request is not valid"


class InvalidCode(InvalidInput):
    """A code archive that is corrupt, unsafe (path out, link out) or too large."""

    code = "invalid_code"
    title = "The function's code archive was refused"


class CodeNotLoaded(InvalidCode):
    """The code was loaded once before it was to be deployed, and cannot be. `fields`: `setting`
    (what names it), `error` (type, message, stack), and `missing` where a module is not there."""

    code = "code_not_loaded"
    title = "The function's code cannot be loaded"


class DestinationCycle(InvalidInput):
    """A configuration whose function destinations would call each other for ever. `fields`: `cycle`,
    and `endings`, those of on_success and on_failure that lead into it."""

    code = "destination_cycle"
    title = "The destinations form a cycle"


class PayloadTooLarge(ThenceError):
    """A body over its limit. `fields`: `limit_bytes`, and `bytes` where it is known."""

    code = "payload_too_large"
    title = "The body is too large"


class NotFound(ThenceError):
    """Nothing has that name or id. `fields`: `kind`, `name`."""

    code = "not_found"
    title = "There is nothing of that name"


class FunctionNotFound(NotFound):
    code = "function_not_found"
    title = "There is no function of that name"


class QualifierNotFound(NotFound):
    code = "qualifier_not_found"
    title = "The function has no such version or alias"


class VersionNotFound(QualifierNotFound):
    code = "version_not_found"
    title = "The function has no such version"


class AliasNotFound(QualifierNotFound):
    code = "alias_not_found"
    title = "The function has no such alias"


class TriggerNotFound(NotFound):
    code = "trigger_not_found"
    title = "The function has no trigger of that name"


class InvocationNotFound(NotFound):
    code = "invocation_not_found"
    title = "There is no invocation with that id"


class DeliveryNotFound(NotFound):
    code = "delivery_not_found"
    title = "There is no delivery with that id"


class Conflict(ThenceError):
    """The request does not fit the present state of the thing."""

    code = "conflict"
    title = "The request does not fit the present state"


class CallerIdTaken(Conflict):
    """The id that the caller gave belongs to an earlier invocation. `fields`: `caller_id`,
    `invocation`."""

    code = "caller_id_taken"
    title = "That id belongs to another invocation"


class FunctionDisabled(Conflict):
    """Calls of the function are switched off. `fields`: `name`, `reason`."""

    code = "function_disabled"
    title = "The function is disabled"


class IdempotencyMismatch(ThenceError):
    """The same `Idempotency-Key` with another body."""

    code = "idempotency_mismatch"
    title = "That idempotency key was used with another body"


class Unauthorized(ThenceError):
    code = "unauthorized"
    title = "The credentials are missing or wrong"


# ---------------------------------------------------------------- not now


class Unavailable(ThenceError):
    """Not now; the same request may succeed later. `retry_after_seconds` says when to ask."""

    code = "unavailable"
    title = "The service cannot take this now"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.retry_after_seconds = retry_after_seconds


class Draining(Unavailable):
    code = "draining"
    title = "The service is shutting down"


class Overloaded(Unavailable):
    """A bound that all callers share was met. `fields`: the limit."""

    code = "overloaded"
    title = "Too much is asked of the service at once"


class CatalogueChanged(Unavailable):
    """Others changed the catalogue between the look at it and the change that followed from it. It
    was decided anew as often as CHANGE_TRIES_MAX (engine/catalogue.py) allows. `fields`: `revision`."""

    code = "catalogue_changed"
    title = "Too many others change the catalogue"

    def __init__(self, **fields: Any) -> None:
        super().__init__(
            "Others changed the catalogue each time while this was being decided; nothing was "
            "changed. Ask again.",
            **fields,
        )


class StoreUnavailable(Unavailable):
    """The store could not commit (disk full, fsync error, locked, gone). Nothing was acknowledged."""

    code = "store_unavailable"
    title = "The store cannot write now"


class StoreLocked(StoreUnavailable):
    """Another program holds the lock that writing needs. That says nothing of the disk."""


class StoreDamaged(StoreUnavailable):
    """The store is damaged, or its file has gone: that does not pass. Nothing was acknowledged.
    `fields`: `tables`, of which it is known."""

    code = "store_corrupt"
    title = "The store is damaged"


class Throttled(Unavailable):
    """A limit of concurrent runs or waiting work was reached. `fields`: `limit`."""

    code = "throttled"
    title = "A limit was reached"


# ---------------------------------------------------------------- cannot start


class StartupError(ThenceError):
    """The program cannot start as configured."""

    code = "startup"
    title = "Thence cannot start"


class ConfigInvalid(StartupError):
    """A setting is unknown or out of range. `fields`: `setting`, `value`, `source`."""

    code = "config_invalid"
    title = "A setting is not valid"


class StoreTooNew(StartupError):
    """The store was written by a newer version of Thence."""

    code = "store_too_new"
    title = "The store belongs to a newer version"


class StoreInUse(StartupError):
    """Another server holds the data directory."""

    code = "store_in_use"
    title = "The data directory is in use"


class StoreCorrupt(StartupError):
    """The store is damaged or is not a Thence store."""

    code = "store_corrupt"
    title = "The store cannot be read"


class StoreMissing(StartupError):
    """The store is missing or empty, and must not be taken for a new one. `fields`: `path`."""

    code = "store_missing"
    title = "The store is missing"


class StoreForeign(StartupError):
    """The store or the folder belongs to something else. `fields`: `path`."""

    code = "store_foreign"
    title = "The store does not belong to this data directory"


# ---------------------------------------------------------------- backups


class BackupFailed(ThenceError):
    """A backup could not be made; nothing that looks like one is left. `fields`: `path`."""

    code = "backup_failed"
    title = "The backup was not made"


class RestoreFailed(BackupFailed):
    """A backup could not be restored; nothing of it is left. `fields`: `path`."""

    code = "restore_failed"
    title = "The backup was not restored"


class BackupInvalid(StartupError):
    """What is to be restored is no backup, not a whole one, or damaged. `fields`: `path`."""

    code = "backup_invalid"
    title = "That is not a whole backup"
