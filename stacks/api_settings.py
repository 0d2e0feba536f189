"""How much of the HTTP API a stage gives to whom."""

from __future__ import annotations

from dataclasses import dataclass, fields

from muster.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiSettings:
    """Bounds of the HTTP API; the defaults suit a small stage."""

    #: Calls a second over all callers, and how many at once; API Gateway refuses what is more.
    rate: int = 200
    burst: int = 400
    #: Calls a second of one API key, and how many at once after a rest.
    key_rate: int = 50
    key_burst: int = 100
    #: Deliveries a second of one webhook, and how many at once after a rest.
    hook_rate: int = 20
    hook_burst: int = 100
    #: Most calls at work at once: each holds a function, and a connection to the database.
    concurrency: int = 20

    def __post_init__(self) -> None:
        wrong = [field.name for field in fields(self) if getattr(self, field.name) < 1]
        if wrong:
            raise ConfigurationError(f"api: {', '.join(wrong)} must be 1 or more")
