"""Does something with a database that may be away for a while, and gives up in time to say why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from muster.clock import Clock
from muster.errors import RetryableError
from muster.registration.failure import RegistrationFailed

if TYPE_CHECKING:
    from psycopg2 import extensions

_T = TypeVar("_T")

#: SQLSTATEs of a statement that may succeed when repeated: conflicts, locks, limits, restarts, fail-overs.
_TRANSIENT_CLASSES = ("40", "53", "55", "57", "08", "25006")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


class Patience:
    """Opens a connection for each try until a moment comes.

    Args:
        connect: opens one, each of its calls bounded by so many seconds.
        give_up: monotonic time after which no further try begins.
    """

    def __init__(
        self,
        connect: Callable[[float], extensions.connection],
        *,
        clock: Clock,
        give_up: float,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._give_up = give_up

    @property
    def remaining(self) -> float:
        """Seconds until it gives up; at least one, so that what begins has a bound that works."""
        return max(1.0, self._give_up - self._clock.monotonic())

    def run(self, action: Callable[[extensions.connection], _T]) -> _T:
        """The action's result. It may run several times, so it must bear that.

        Raises:
            RegistrationFailed: the reason, once time is up or when trying again cannot help.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._once(action)
            except _Again as again:
                if self._clock.monotonic() + pause >= self._give_up:
                    raise RegistrationFailed(
                        f"{again}; gave up in time to answer. Deploy again when the database is reachable"
                    ) from again
            self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(self, action: Callable[[extensions.connection], _T]) -> _T:
        import psycopg2

        try:
            with closing(self._connect(self.remaining)) as connection:
                return action(connection)
        except RetryableError as error:
            raise _Again(str(error)) from error
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise _Again(describe(error)) from error
        except psycopg2.Error as error:
            if (error.pgcode or "").startswith(_TRANSIENT_CLASSES):
                raise _Again(describe(error)) from error
            raise RegistrationFailed(describe(error)) from error


def describe(error: BaseException) -> str:
    """Class, SQLSTATE and first line: not the detail, which quotes rows."""
    lines = str(error).strip().splitlines()
    state = getattr(error, "pgcode", None)
    return f"Postgres: {type(error).__name__}{f' {state}' if state else ''}: {lines[0] if lines else ''}"


class _Again(Exception):
    """Worth another try."""
