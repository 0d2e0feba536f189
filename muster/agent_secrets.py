"""An agent's secrets: named in its manifest, read when a job needs them, kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from muster.clock import Clock, SystemClock
from muster.mask import Mask

#: A secret is read again after this: so long a rotation may go unnoticed.
FRESH = timedelta(minutes=5)

#: A failure to read them serves the job that they were read for, and no later one, in seconds.
_TOLD_SECONDS = 5.0

#: Former values that are still masked; a job that started before a rotation may write them down after it.
_MOST_KNOWN = 100


class AgentSecrets:
    """The secrets of one agent; threads may share them.

    Args:
        names: the name that the agent uses -> name in Secrets Manager.
        read: gives the text of a secret by its name in Secrets Manager.
        clock: says how old they are.
    """

    def __init__(
        self, names: Mapping[str, str], *, read: Callable[[str], str], clock: Clock
    ) -> None:
        self._names = names
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._values: Mapping[str, str] = MappingProxyType({})
        self._read_at: float | None = None
        self._known: list[str] = []
        self._mask = Mask()
        self._failure: tuple[Exception, float] | None = None

    def refresh(self) -> None:
        """Read them if it is time to, so that a job's own time is not spent on it.

        What goes wrong is raised by `current` next.
        """
        with self._lock:
            if self._told() is not None:
                return
            try:
                self._look()
            except Exception as failure:  # noqa: BLE001 - it fails the job that asks for them, not its worker
                self._failure = (failure, self._clock.monotonic())

    def current(self) -> Mapping[str, str]:
        """The values by the agent's names, at most five minutes old.

        Raises:
            SecretsUnavailable: Secrets Manager gave no answer, or refused for now.
            ConfigurationError: a secret is missing or forbidden; the message names the cure.
        """
        if not self._names:
            return self._values
        with self._lock:
            failure = self._told()
            self._failure = None
            if failure is not None:
                raise failure
            self._look()
            return self._values

    def forget(self) -> None:
        """Read them again when they are next asked for: one of them was rejected."""
        self._read_at = None

    def mask(self) -> Mask:
        """Finds every value that this process has read."""
        return self._mask

    def __bool__(self) -> bool:
        return bool(self._names)

    def _told(self) -> Exception | None:
        """Why they could not be read a moment ago, if nobody was told yet."""
        if self._failure is None:
            return None
        failure, at = self._failure
        return failure if self._clock.monotonic() - at < _TOLD_SECONDS else None

    def _look(self) -> None:
        now = self._clock.monotonic()
        if self._names and (self._read_at is None or now - self._read_at >= FRESH.total_seconds()):
            self._take({own: self._read(name) for own, name in self._names.items()})
            self._read_at = now

    def _take(self, values: dict[str, str]) -> None:
        self._values = MappingProxyType(values)
        new = [value for value in values.values() if value not in self._known]
        if new:
            self._known = [*self._known, *new][-_MOST_KNOWN:]
            self._mask = Mask(self._known)


def no_secrets() -> AgentSecrets:
    """The secrets of an agent that names none."""
    return AgentSecrets({}, read=str, clock=SystemClock())
