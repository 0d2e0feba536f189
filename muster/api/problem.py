"""What goes wrong, as a problem document (RFC 9457). The one form of an error that a caller ever sees."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from muster.errors import MusterError

#: Media type of a problem document.
MEDIA_TYPE = "application/problem+json"


class Problem(MusterError):
    """The call cannot be answered as it was meant.

    Args:
        status: of the answer, 400 to 599.
        code: stable, machine-readable name.
        detail: one sentence for people that names the cure; quotes nothing that the caller sent.
        headers: besides those of every answer.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Its members."""
        return {
            "type": f"urn:muster:problem:{self.code.replace('_', '-')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
            "code": self.code,
        }


def not_found(detail: str) -> Problem:
    """There is no such thing, or it is another tenant's: the two look alike."""
    return Problem(404, "not_found", detail)


def invalid(detail: str, *, code: str = "invalid") -> Problem:
    """The call is understood, and what it says cannot be."""
    return Problem(422, code, detail)


def conflict(code: str, detail: str) -> Problem:
    """It contradicts what is there already."""
    return Problem(409, code, detail)


def unavailable(detail: str, *, retry_after: int = 5) -> Problem:
    """Something that the answer needs is away; the call may be repeated after some seconds."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(retry_after)})
