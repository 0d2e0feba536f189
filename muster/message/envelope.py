"""Muster's own body: `{"muster": 1, "job_id": ..., ...}`. Built here, read here, described nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring_ascii
from typing import Any, cast

from muster.contracts import ENVELOPE_VERSION
from muster.lane import LANES, NORMAL
from muster.message.body import UNSTORABLE
from muster.message.traceparent import valid_traceparent
from muster.model import Source

#: The key that makes a JSON object an envelope. Params of that name have to travel inside of one.
MARK = "muster"

#: Longest job id, agent id or tenant, in characters.
MAX_ID_LENGTH = 256

DEFAULT_TENANT = "default"
DEFAULT_PRIORITY = NORMAL


_FOREIGN = re.compile(r"[^\x00-\x7f]+")

# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """An envelope whose fields are all well formed."""

    job_id: str
    agent_id: str | None
    tenant: str
    params: dict[str, Any] | None
    #: What the request sets of the agent's config; None when it says nothing.
    config: dict[str, Any] | None
    priority: str
    source: str
    scheduled_for: datetime | None
    traceparent: str | None
    hops: int


def envelope(
    *,
    job_id: str,
    agent_id: str,
    tenant: str = DEFAULT_TENANT,
    params: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    priority: str = DEFAULT_PRIORITY,
    source: str = Source.QUEUE,
    scheduled_for: datetime | None = None,
    traceparent: str | None = None,
    hops: int = 0,
) -> str:
    """A message body for the job; without `params` it only names a row that has them.

    Pure ASCII, so that SQS takes whatever characters are inside. `normalise` reads back what went in.
    """
    fields: dict[str, Any] = {
        MARK: ENVELOPE_VERSION,
        "job_id": job_id,
        "agent_id": agent_id,
        "tenant": tenant,
        "params": None if params is None else dict(params),
        "config": None if config is None else dict(config),
        "priority": priority,
        "source": str(source),
        "scheduled_for": scheduled_for.isoformat() if scheduled_for else None,
        "traceparent": traceparent,
        "hops": hops,
    }
    return _encode({name: value for name, value in fields.items() if value is not None})


class Form:
    """Bodies of jobs that differ in their ids and params only; what they share is written once.

    Args:
        shared: the other arguments of `envelope`.
    """

    def __init__(self, **shared: Any) -> None:
        # `envelope` writes the fields in this order.
        opening, _, rest = envelope(job_id="", params={}, **shared).partition('""')
        # What comes before the params are identifiers, inside whose quotes is no such text.
        self._opening = opening
        self._middle, _, self._closing = rest.partition(',"params":{}')

    def body(self, job_id: str, params: str | None) -> str:
        """What `envelope` makes of them, but for blanks in the params.

        Args:
            params: as JSON; None: the row has them.
        """
        name = encode_basestring_ascii(job_id)
        if params is None:
            return f"{self._opening}{name}{self._middle}{self._closing}"
        if not params.isascii():
            # Outside its strings JSON is ASCII.
            params = _FOREIGN.sub(lambda found: encode_basestring_ascii(found[0])[1:-1], params)
        return f'{self._opening}{name}{self._middle},"params":{params}{self._closing}'


def read_envelope(body: Mapping[str, Any]) -> Envelope | list[str]:
    """The envelope, or every problem it has.

    Fields that are null count as absent, unknown ones are ignored.
    """
    fields = _Fields(body)
    read = Envelope(
        job_id=fields.identifier("job_id", required=True) or "",
        agent_id=fields.identifier("agent_id"),
        tenant=fields.identifier("tenant") or DEFAULT_TENANT,
        params=fields.table("params"),
        config=fields.table("config"),
        priority=fields.choice("priority", LANES, DEFAULT_PRIORITY),
        source=fields.choice("source", tuple(Source), Source.QUEUE),
        scheduled_for=fields.time("scheduled_for"),
        traceparent=valid_traceparent(body.get("traceparent")),
        hops=fields.count("hops"),
    )
    return fields.problems or read


def identifier_problem(name: str, value: object) -> str | None:
    """What is wrong with `value` as an id called `name`; None when nothing is."""
    if not isinstance(value, str):
        return f"{name} must be a string"
    if not value or len(value) > MAX_ID_LENGTH:
        return f"{name} must have 1 to {MAX_ID_LENGTH} characters, not {len(value)}"
    if UNSTORABLE.search(value):
        return f"{name} must not contain NUL or lone surrogates"
    return None


class _Fields:
    """Reads typed fields and collects what is wrong with them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.problems: list[str] = []

    def identifier(self, name: str, *, required: bool = False) -> str | None:
        value = self._body.get(name)
        if value is None:
            if required:
                self.problems.append(f"{name} is missing")
            return None
        problem = identifier_problem(name, value)
        if problem:
            self.problems.append(problem)
            return None
        return value

    def table(self, name: str) -> dict[str, Any] | None:
        value = self._body.get(name)
        if value is None or isinstance(value, dict):
            return cast("dict[str, Any] | None", value)
        self.problems.append(f"{name} must be an object")
        return None

    def choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        # An unknown word is no reason to refuse a job: a newer sender may know more of them.
        value = self._body.get(name)
        if value is not None and not isinstance(value, str):
            self.problems.append(f"{name} must be a string")
        return str(value) if value in known else str(default)

    def time(self, name: str) -> datetime | None:
        value = self._body.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            self.problems.append(
                f"{name} must be a time with its offset, such as 2026-01-31T09:00:00+00:00"
            )
        return moment

    def count(self, name: str) -> int:
        value = self._body.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problems.append(f"{name} must be a whole number, 0 or more")
            return 0
        return value
