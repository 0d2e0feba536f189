"""What to call, as its caller asks for it: nothing of it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call. Values may come straight from a job's params: a wrong one ends in a verdict."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    #: Wall clock for all of it, in seconds; the policy's applies if it is shorter.
    timeout: float | None = None
