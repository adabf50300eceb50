"""Our errors as FunctionGraph's codes and HTTP statuses (reference 14.1)."""

from __future__ import annotations

from ...errors import (
    AliasNotFound,
    Conflict,
    FunctionDisabled,
    FunctionNotFound,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    QualifierNotFound,
    ThenceError,
    Throttled,
    Unauthorized,
    Unavailable,
    VersionNotFound,
)
from ..shared.error_table import by_kind


class FssError(ThenceError):
    """An error in the vendor's words: HTTP status, `error_code`, `error_msg`."""

    code = "functiongraph"
    title = "FunctionGraph refused the request"

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.fss_code = code


def invalid(message: str, code: str = "FSS.0400") -> FssError:
    """400. The message names the field, the value and the limit."""
    return FssError(400, code, message)


def not_found(message: str, code: str = "FSS.0404") -> FssError:
    return FssError(404, code, message)


def too_large(limit: int, what: str = "request body") -> FssError:
    return FssError(413, "FSS.1201", f"the {what} is larger than {limit} bytes")


def internal() -> FssError:
    return FssError(500, "FSS.0500", "internal error; see the service's log")


_CODES: tuple[tuple[type[ThenceError], tuple[int, str]], ...] = (
    (FunctionNotFound, (404, "FSS.1051")),
    (VersionNotFound, (404, "FSS.1052")),
    (AliasNotFound, (404, "FSS.1053")),
    (QualifierNotFound, (404, "FSS.1052")),
    (NotFound, (404, "FSS.0404")),
    (FunctionDisabled, (403, "FSS.0403")),
    (Conflict, (409, "FSS.0409")),
    (InvalidInput, (400, "FSS.0400")),
    (Unauthorized, (401, "FSS.0401")),
    (Throttled, (429, "FSS.0429")),
    (Unavailable, (503, "FSS.0503")),
)


def translated(error: ThenceError) -> FssError:
    """The error as the vendor's clients know it. Handlers that know more say it themselves."""
    if isinstance(error, FssError):
        return error
    if isinstance(error, PayloadTooLarge):
        return too_large(int(error.fields.get("limit_bytes", 0)))
    found = by_kind(_CODES, error, None)
    return internal() if found is None else FssError(*found, error.detail)
