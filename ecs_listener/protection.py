"""ECS task scale-in protection: on before the first job starts, off when the last has ended."""

from __future__ import annotations

import http.client
import json
import math
import threading
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from ecs_listener.telling import Telling
from muster.clock import Clock

#: Path below `$ECS_AGENT_URI`.
PATH = "/task-protection/v1/state"

#: The agent answers from this machine; a longer silence is a failure, in seconds.
PATIENCE = 5.0

#: ECS: protection lasts 1 to 2880 minutes.
LONGEST_MINUTES = 2880

#: Idle for so long, in seconds, before it is switched off: a trickle of jobs makes no trickle of calls.
LINGER = 15.0

#: Pauses after a failure, in seconds; they double.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


class Protection(Protocol):
    """Keeps the task from being stopped while it is busy."""

    @property
    def on(self) -> bool:
        """Whether the task is protected."""
        ...

    def ready(self) -> bool:
        """Whether work may be looked for: the last try did not fail."""
        ...

    def hold(self) -> bool:
        """Protect the task before work starts; false: it cannot be, so nothing may start."""
        ...

    def look(self, *, busy: bool) -> None:
        """Called regularly: renews, tries again, or switches off what is idle long enough."""
        ...


class NoProtection:
    """Where no ECS agent can be asked: nothing scales this process in."""

    on = False

    def ready(self) -> bool:
        """Always."""
        return True

    def hold(self) -> bool:
        """Always."""
        return True

    def look(self, *, busy: bool) -> None:
        """Nothing to do."""


class EcsProtection:
    """Protection by the ECS agent of this task.

    Args:
        agent_uri: `$ECS_AGENT_URI`.
        longest: what a job that starts now may take, its end included: protection always outlasts it.
    """

    def __init__(
        self, *, agent_uri: str, longest: timedelta, clock: Clock, telling: Telling
    ) -> None:
        self._address = urlsplit(agent_uri)
        self._longest = longest.total_seconds() + 60
        self._minutes = min(LONGEST_MINUTES, math.ceil(self._longest * 2 / 60) + 10)
        self._clock = clock
        self._telling = telling
        self._lock = threading.Lock()
        self._expires = 0.0
        self._on = False
        self._retry_at: float | None = None
        self._pause = FIRST_PAUSE
        self._idle_since: float | None = None

    @property
    def on(self) -> bool:
        """Whether the task is protected, as far as this process knows."""
        return self._on

    def ready(self) -> bool:
        """Whether the last try did not fail."""
        return self._retry_at is None

    def hold(self) -> bool:
        """Protect the task for longer than a job that starts now can take."""
        with self._lock:
            self._idle_since = None
            return self._covers() or self._switch(on=True)

    def look(self, *, busy: bool) -> None:
        """Renew what would not cover the next job, try again, switch off what is idle."""
        with self._lock:
            now = self._clock.monotonic()
            if self._retry_at is not None:
                if now >= self._retry_at:
                    self._switch(on=True)
            elif busy:
                self._idle_since = None
                if self._on and not self._covers():
                    self._switch(on=True)
            elif self._on:
                if self._idle_since is None:
                    self._idle_since = now
                elif now - self._idle_since >= LINGER:
                    self._switch(on=False)

    def _covers(self) -> bool:
        return self._on and self._expires - self._clock.monotonic() >= self._longest

    def _switch(self, *, on: bool) -> bool:
        sent = self._clock.monotonic()
        problem = self._put(on=on)
        self._telling.protection(on=on, problem=problem)
        if problem is None:
            self._on, self._retry_at, self._pause = on, None, FIRST_PAUSE
            self._expires = sent + self._minutes * 60
            self._idle_since = None
            return True
        if on:
            self._retry_at = sent + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._idle_since = sent  # again after another while
        return False

    def _put(self, *, on: bool) -> str | None:
        """What went wrong, or None."""
        wanted: dict[str, object] = {"ProtectionEnabled": on}
        if on:
            wanted["ExpiresInMinutes"] = self._minutes
        connection = http.client.HTTPConnection(self._address.netloc, timeout=PATIENCE)
        try:
            connection.request(
                "PUT",
                f"{self._address.path.rstrip('/')}{PATH}",
                body=json.dumps(wanted),
                headers={"Content-Type": "application/json"},
            )
            answer: Any = json.loads(connection.getresponse().read())
            state: dict[str, Any] = answer.get("protection") or {}
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        if state.get("ProtectionEnabled") is on:
            return None
        failure = answer.get("failure") or answer.get("error") or answer
        return json.dumps(failure)[:500]
