"""What is accepted, claimed and found waiting or lost."""

from __future__ import annotations

from msgspec import Struct

from ...lifecycle.decide import Spent
from ...lifecycle.lineage import Lineage
from ...lifecycle.states import State


class Meta(Struct, omit_defaults=True):
    """What only some invocations have: one JSON column, NULL when all is default."""

    content_type: str = ""
    traceparent: str = ""
    idempotency_key: str = ""
    source: str = ""  # what accepted it, when not a caller: "redrive", "destination"
    redrive_of: str = ""  # text id
    lineage: Lineage | None = None
    qualifier: str = ""  # what the call named, where it was not the version that runs it
    caller_id: str = ""  # the id that the caller gave it (FC: task id)
    followed: bool = False  # AsyncConfig.followed when it was accepted


class Body(Struct, gc=False):
    """A payload or a result: in the row when it is small, else in the blob store under `ref`."""

    data: bytes | None
    bytes: int
    ref: str | None = None
    digest: str = ""  # sha256 hex, only with a ref (drivers look after what is in their rows)


class NewInvocation(Struct, gc=False):
    """One accept. `lease` set: attempt 1 is claimed in the same commit by that incarnation."""

    id: int
    function_id: int
    accepted_at: int
    due_at: int
    expires_at: int
    payload: Body
    lease: int = 0
    meta: bytes | None = None  # msgspec JSON of Meta
    idempotency_key: str | None = None
    fingerprint: bytes = b""  # of the request, kept with the key
    idempotency_expires_at: int = 0
    key_scope: int = 0  # the family within which the key is one; 0: function_id
    listed_in: int = 0  # the family in whose list it is kept; 0: in none
    caller_id: str | None = None  # taken once in that list; None: the text of `id`
    qualifier: str = "latest"  # in the list: what the call named


class Accepted(Struct, gc=False):
    """What became of one NewInvocation: its own id, or an earlier one with the same key."""

    id: int
    duplicate: bool = False
    mismatch: bool = False  # the key belongs to another request: 422
    taken: bool = False  # the caller id belongs to another invocation, `id`; nothing was accepted


class Claim(Struct, gc=False):
    """Claim up to `limit` waiting invocations of one function that are due at `now`, oldest due
    first, under `lease`: running, attempt + 1. Those past `expires_at` are left for expire().
    `suspects`: only those that were lost before; else only the others."""

    function_id: int
    limit: int
    lease: int
    now: int
    suspects: bool = False


class Claimed(Struct, gc=False):
    """A claimed invocation, with what its run needs."""

    id: int
    function_id: int
    attempt: int
    spent: Spent
    accepted_at: int
    due_at: int
    expires_at: int
    payload: Body
    meta: bytes | None


class Waiting(Struct, gc=False):
    """A waiting invocation as expire() and the deletion of a function see it."""

    id: int
    function_id: int
    state: State
    due_at: int
    expires_at: int
    qualifier: str = ""  # Meta.qualifier
    attempts: int = 0  # that were begun


class Lost(Struct, gc=False):
    """An attempt whose lease belongs to a dead incarnation."""

    id: int
    function_id: int
    attempt: int
    lease: int
    state: State  # RUNNING or STOPPING
    spent: Spent
    accepted_at: int
    expires_at: int
    qualifier: str = ""  # Meta.qualifier
    beside_suspect: bool = False  # it was never lost before, and ran beside one that was
    aborted: bool = False  # stopping because its function was disabled
