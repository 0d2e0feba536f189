"""What the supervisor writes down, so that any later command finds the cloud again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from local.process.identity import ProcessIdentity


class Phase(StrEnum):
    """starting -> held -> running -> stopped; any of them -> failed."""

    STARTING = "starting"
    HELD = "held"  # ready, but dies with the `muster up` that started it
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenerState:
    """One listener process."""

    agent_id: str
    #: Of `/health` and `/metrics`, on loopback.
    port: int
    #: How often it was started; more than once: it ended by itself.
    starts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudState:
    """The local cloud as its supervisor last saw it."""

    phase: Phase = Phase.STOPPED
    #: Why it stopped or failed, for people.
    reason: str = ""
    supervisor: ProcessIdentity | None = None
    #: Lifelines of Postgres, the emulator and the listeners, in case the supervisor died and they did not.
    children: tuple[ProcessIdentity, ...] = ()
    listeners: tuple[ListenerState, ...] = ()
    #: Ports are asked for again at the next start.
    postgres_port: int | None = None
    emulator_port: int | None = None
    database_url: str = ""
    #: The emulator repeats it in its health page: proof that the one behind the port is ours.
    nonce: str = ""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.emulator_port}"

    def evolve(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def write(self, path: Path) -> None:
        """Replace the file at once, readable by its owner only: it holds the database's password."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> CloudState:
        """The state on file; a fresh one when there is none or it cannot be understood."""
        try:
            found = json.loads(path.read_text("utf-8"))
            supervisor = found.pop("supervisor")
            children = found.pop("children")
            listeners = found.pop("listeners")
            return cls(
                **{**found, "phase": Phase(found["phase"])},
                supervisor=ProcessIdentity(**supervisor) if supervisor else None,
                children=tuple(ProcessIdentity(**child) for child in children),
                listeners=tuple(ListenerState(**listener) for listener in listeners),
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls()
