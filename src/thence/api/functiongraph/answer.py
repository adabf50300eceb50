"""Errors as answers (reference 1.4)."""

from __future__ import annotations

from starlette.responses import Response

from ..shared.answer import answer
from .errors import FssError


def refusal(error: FssError) -> Response:
    response = answer({"error_code": error.fss_code, "error_msg": error.detail}, error.status)
    if error.status == 503:
        response.headers["retry-after"] = "1"
    return response
