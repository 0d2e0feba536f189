"""What came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A complete answer of any status. Headers and body are a stranger's data."""

    status: int
    #: In the order they came; names as sent, values as ISO 8859-1 text on one line.
    headers: tuple[tuple[str, str], ...]
    #: Decompressed.
    body: bytes
    #: Where the answer came from, after redirects.
    url: str
    #: The address that was connected to for it.
    address: str
    #: The URLs that redirected, in order.
    redirects: tuple[str, ...]
    elapsed: timedelta

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case of letters."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)
