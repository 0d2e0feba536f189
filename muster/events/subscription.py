"""Calls a function for each event as it happens, from a thread of its own, until it is told to stop.

Hints (LISTEN/NOTIFY) only say that a look is worth while; without them it looks once a second. After a lost
connection it goes on from where it was: nothing is missed, and nothing comes twice.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from muster.errors import StoreUnavailable
from muster.events.event import Event, EventKind, Position
from muster.events.replay import Replay, Selection
from muster.store.connection import administer
from muster.store.settings import DatabaseSettings

if TYPE_CHECKING:
    from psycopg2 import extensions

#: How often it looks when nothing hints, in seconds.
POLL = timedelta(seconds=1)

#: Pause before it connects again, in seconds; doubles up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

#: Bound of one statement, in seconds.
CALL_SECONDS = 10.0

#: How long `unsubscribe` waits for a handler that is at work, in seconds.
PATIENCE = 10.0

_log = logging.getLogger(__name__)


def subscribe(
    handler: Callable[[Event], object],
    *,
    database: DatabaseSettings | str,
    kinds: Collection[EventKind | str] = tuple(EventKind),
    agent_id: str | None = None,
    execution_id: str | None = None,
    since: Position | None = None,
    poll: timedelta = POLL,
    on_error: Callable[[Exception], object] | None = None,
) -> Callable[[], None]:
    """Call the handler for every event that is written from now on; returns what ends that.

    Events come one at a time, in the order of their transactions, each once. One that a handler raises at
    counts as handled. A transaction that stays open holds back the events of all that began after it.

    Args:
        database: settings, or a URL such as `postgresql://user:password@host/dbname`.
        since: a position that an earlier event had: go on after it, instead of from now.
        on_error: is told what a handler raised, and of connections that were lost; the log is when not given.

    Raises:
        StoreUnavailable: Postgres cannot be reached now. Later it is tried again for ever.
    """
    settings = DatabaseSettings.from_url(database) if isinstance(database, str) else database
    selection = Selection(
        kinds=frozenset(EventKind(kind) for kind in kinds),
        agent_id=agent_id,
        execution_id=execution_id,
    )
    subscription = _Subscription(
        handler=handler,
        settings=settings,
        replay=Replay(selection, position=since),
        channels=[kind.channel for kind in sorted(selection.kinds)],
        poll=poll,
        on_error=on_error or _told,
    )
    subscription.start()
    return subscription.end


def _told(error: Exception) -> None:
    _log.warning("events: %s: %s", type(error).__name__, error)


class _Subscription:
    def __init__(
        self,
        *,
        handler: Callable[[Event], object],
        settings: DatabaseSettings,
        replay: Replay,
        channels: list[str],
        poll: timedelta,
        on_error: Callable[[Exception], object],
    ) -> None:
        self._handler = handler
        self._settings = settings
        self._replay = replay
        self._poll = poll.total_seconds()
        self._on_error = on_error
        self._channels = channels
        self._ended = threading.Event()
        self._first: extensions.connection | None = self._connect(channels)
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="muster-events", daemon=True)

    def start(self) -> None:
        """Begin; from the position of the moment at which this was made."""
        self._thread.start()

    def end(self) -> None:
        """Stop; when this returns the handler is called no more. Ending twice is harmless."""
        self._ended.set()
        with suppress(OSError):  # its thread has ended
            self._waker.send(b".")
        if threading.current_thread() is not self._thread:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        with self._wake, self._waker:
            self._follow_on()

    def _follow_on(self) -> None:
        import psycopg2

        pause = FIRST_PAUSE
        while not self._ended.is_set():
            try:
                connection, self._first = self._first or self._connect(self._channels), None
                with closing(connection):
                    pause = FIRST_PAUSE
                    self._follow(connection)
            except (StoreUnavailable, psycopg2.Error) as error:
                self._on_error(error)
                self._ended.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _connect(self, channels: list[str]) -> extensions.connection:
        connection = administer(self._settings, call_seconds=CALL_SECONDS)
        try:
            connection.set_session(autocommit=True)
            with connection.cursor() as cursor:
                # Before the first look: what comes after it is hinted at, what came before is seen by it.
                for channel in channels:
                    cursor.execute(f"LISTEN {channel}")
            self._replay.begin(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _follow(self, connection: extensions.connection) -> None:
        while not self._ended.is_set():
            while events := self._replay.page(connection):
                for event in events:
                    if self._ended.is_set():
                        return
                    self._handle(event)
            readable, _, _ = select.select([connection, self._wake], [], [], self._poll)
            if connection in readable:
                connection.poll()
                connection.notifies.clear()

    def _handle(self, event: Event) -> None:
        try:
            self._handler(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the next event comes
            self._on_error(error)
