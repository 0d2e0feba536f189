"""What `fetch` raises: a verdict with its sentence, permanent or worth another attempt."""

from __future__ import annotations

from muster.errors import MusterError, PermanentError, RetryableError
from muster.safe_http.verdict import Verdict


class Refused(MusterError):
    """There is no response. `verdict` says why; `code` is its value."""

    def __init__(self, verdict: Verdict, message: str) -> None:
        super().__init__(message, code=verdict.value)
        self.verdict = verdict

    def __reduce__(self) -> tuple[type[Refused], tuple[Verdict, str]]:
        return type(self), (self.verdict, str(self))


class RefusedForGood(Refused, PermanentError):
    """Every further attempt would end the same way."""


class RefusedForNow(Refused, RetryableError):
    """Another attempt may end differently: the network or the other side failed."""


def refusal(verdict: Verdict, message: str) -> Refused:
    """The exception for a verdict; its class says whether another attempt is worth it."""
    kind = RefusedForNow if verdict.passing else RefusedForGood
    return kind(verdict, message)


def shown(text: object, *, most: int = 80) -> str:
    """Foreign text for a message: quoted, ASCII, cut to `most` characters."""
    quoted = ascii(text)
    return quoted if len(quoted) <= most else f"{quoted[:most]}…"
