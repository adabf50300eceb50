"""Our errors as Function Compute's codes and HTTP statuses (reference 3.4)."""

from __future__ import annotations

from ...errors import (
    AliasNotFound,
    CallerIdTaken,
    CatalogueChanged,
    Conflict,
    FunctionDisabled,
    FunctionNotFound,
    InvalidInput,
    InvocationNotFound,
    PayloadTooLarge,
    QualifierNotFound,
    ThenceError,
    Throttled,
    Unauthorized,
    Unavailable,
    VersionNotFound,
)
from ..shared.error_table import by_kind


class FcError(ThenceError):
    """An error in the vendor's words: HTTP status, `Code`, `Message`."""

    code = "fc"
    title = "Function Compute refused the request"

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.fc_code = code


def invalid(message: str) -> FcError:
    """400 InvalidArgument. The message names the field, the value and the limit."""
    return FcError(400, "InvalidArgument", message)


def missing_header(name: str) -> FcError:
    return FcError(400, "MissingRequiredHeader", f"required HTTP header {name} was not specified")


def not_supported(method: str, path: str) -> FcError:
    return FcError(400, "PathNotSupported", f"'{path[:200]}' against '{method}' is not supported")


def too_large(limit: int) -> FcError:
    return FcError(
        400, "EntityTooLarge", f"payload size exceeds maximum allowed size ({limit} bytes)"
    )


def changed() -> FcError:
    """412: `If-Match` names another state of the resource."""
    return FcError(412, "PreconditionFailed", "the resource being modified has been changed")


def internal() -> FcError:
    return FcError(500, "InternalServerError", "an internal error has occurred. Please retry.")


_CODES: tuple[tuple[type[ThenceError], tuple[int, str]], ...] = (
    (FunctionNotFound, (404, "FunctionNotFound")),
    (VersionNotFound, (404, "VersionNotFound")),
    (AliasNotFound, (404, "AliasNotFound")),
    (QualifierNotFound, (404, "VersionNotFound")),
    (InvocationNotFound, (404, "AsyncTaskNotFound")),
    (CallerIdTaken, (409, "AsyncTaskAlreadyExists")),
    (FunctionDisabled, (403, "AccessDenied")),
    (CatalogueChanged, (409, "ConcurrentUpdateError")),
    (Conflict, (409, "ConcurrentUpdateError")),
    (InvalidInput, (400, "InvalidArgument")),
    (Unauthorized, (403, "AccessDenied")),
    (Throttled, (429, "ResourceExhausted")),
    (Unavailable, (503, "ResourceThrottled")),
)


def translated(error: ThenceError) -> FcError:
    """The error as the vendor's clients know it. Handlers that know more say it themselves."""
    if isinstance(error, FcError):
        return error
    if isinstance(error, PayloadTooLarge):
        return too_large(int(error.fields.get("limit_bytes", 0)))
    found = by_kind(_CODES, error, None)
    return internal() if found is None else FcError(*found, error.detail)
