"""A connection to Postgres whose every call ends by a deadline that the client keeps.

A server-side `statement_timeout` does not help when the network swallows packets, so the connection is
opened in libpq's asynchronous mode and each call waits on its socket for a bounded time. What was lost is
dropped, and the next call connects anew. Statements run in autocommit; those of the ledger are prepared once
a connection, because planning them costs more than running them.
"""

from __future__ import annotations

import random
import select
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from muster.clock import Clock, SystemClock
from muster.errors import StoreUnavailable
from muster.store.migration import SchemaError
from muster.store.settings import DatabaseSettings
from muster.store.statements import Statement

if TYPE_CHECKING:
    from psycopg2 import extensions

Row = tuple[Any, ...]

#: SQLSTATEs after which the same statement may simply be tried again: serialization failure, deadlock,
#: lock not available, query cancelled, too many connections, starting up, shut down, crash, read-only.
TRANSIENT_SQLSTATES = frozenset(
    {"40001", "40P01", "55P03", "57014", "53300", "57P03", "57P01", "57P02", "25006"}
)
#: A table, column or function is not there: the schema is older than this code.
SCHEMA_SQLSTATES = frozenset({"42P01", "42703", "42883"})
#: Wrong password: the secret may have been rotated.
AUTHENTICATION_SQLSTATES = frozenset({"28P01", "28000"})

#: Seconds between two looks at the secret while the server cannot be reached: it may be another one now.
LOOK_AGAIN_SECONDS = 30.0

#: Every look-up of the ledger is by key; the planner, cold and without statistics, must not think otherwise.
SESSION_OPTIONS = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
    " -c enable_mergejoin=off -c jit=off"
)


class Database:
    """One lazily opened connection, used by one thread at a time.

    Args:
        settings: reads the settings; called again with `True` after the server refused the password, so that
            a rotated secret is taken up, and now and then while it cannot be reached, so that one is found
            that was restored elsewhere.
        call_seconds: bound of one attempt of one statement, connecting included.
        retry_seconds: bound of all attempts of one statement together.
    """

    def __init__(
        self,
        settings: Callable[[bool], DatabaseSettings],
        *,
        clock: Clock | None = None,
        call_seconds: float = 10.0,
        retry_seconds: float = 20.0,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._call_seconds = call_seconds
        self._retry_seconds = retry_seconds
        self._connection: extensions.connection | None = None
        self._prepared: set[str] = set()
        self._refresh = False
        self._look_again_at = 0.0

    def run(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Row]:
        """Run one statement in a transaction of its own, and again when the failure is transient.

        The statement must bear being run twice, since a lost reply does not tell whether it was committed.

        Args:
            meanwhile: called once, while the server works. It must not use this database.

        Raises:
            StoreUnavailable: no answer within the bounds.
            SchemaError: the schema is older than this code.
            psycopg2.Error: the statement itself is wrong.
        """
        import psycopg2

        give_up = self._clock.monotonic() + self._retry_seconds
        pause = 0.05
        while True:
            try:
                work, meanwhile = meanwhile, None
                return self._once(statement, parameters or {}, work)
            except (psycopg2.OperationalError, psycopg2.InterfaceError, _DeadlineMissed) as error:
                unreached = self._connection is None
                self.close()
                self._refresh = _refused(error) or (unreached and self._may_have_moved())
                failure = error
            except psycopg2.Error as error:
                if error.pgcode in SCHEMA_SQLSTATES:
                    raise SchemaError(
                        f"the database's schema is older than this code ({_reason(error)}); "
                        "migrate it first: deploy the registry stack, or run `muster migrate`"
                    ) from error
                if error.pgcode not in TRANSIENT_SQLSTATES:
                    self._close_if_broken()
                    raise
                self.close()
                failure = error
            except BaseException:
                # A job's deadline, say: the statement is still on its way, nobody will read its answer.
                self.close()
                raise
            wait = pause * (0.5 + random.random())  # noqa: S311 - jitter, not a secret
            if self._clock.monotonic() + wait >= give_up:
                raise StoreUnavailable(f"Postgres: {_reason(failure)}") from failure
            self._clock.sleep(wait)
            pause = min(pause * 2, 2.0)

    def close(self) -> None:
        """Drop the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            connection.close()

    def _once(
        self,
        statement: Statement,
        parameters: Mapping[str, Any],
        meanwhile: Callable[[], object] | None,
    ) -> list[Row]:
        deadline = self._clock.monotonic() + self._call_seconds
        connection = self._connection or self._connect(deadline)
        cursor = connection.cursor()
        if statement.prepare is not None and statement.name not in self._prepared:
            cursor.execute(statement.prepare)
            self._wait(connection, deadline)
            self._prepared.add(statement.name)
        cursor.execute(statement.execute, parameters)
        if meanwhile is not None:
            meanwhile()
        self._wait(connection, deadline)
        return cursor.fetchall() if cursor.description else []

    def _connect(self, deadline: float) -> extensions.connection:
        import psycopg2

        settings = self._settings(self._refresh)
        self._refresh = False
        connection = psycopg2.connect(
            **settings.to_libpq(connect_seconds=max(2, int(self._call_seconds))),
            # The server gives up when the client does: what nobody waits for must not be done later.
            options=f"{SESSION_OPTIONS} -c statement_timeout={int(self._call_seconds * 1000)}",
            async_=True,
        )
        try:
            self._wait(connection, deadline)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _wait(self, connection: extensions.connection, deadline: float) -> None:
        from psycopg2.extensions import POLL_OK, POLL_READ

        while (state := connection.poll()) != POLL_OK:
            remaining = deadline - self._clock.monotonic()
            poller = select.poll()
            poller.register(
                connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT
            )
            if remaining <= 0 or not poller.poll(remaining * 1000):
                raise _DeadlineMissed(f"no answer within {self._call_seconds:g} s")

    def _may_have_moved(self) -> bool:
        now = self._clock.monotonic()
        if now < self._look_again_at:
            return False
        self._look_again_at = now + LOOK_AGAIN_SECONDS
        return True

    def _close_if_broken(self) -> None:
        if self._connection is not None and self._connection.closed:
            self.close()


class _DeadlineMissed(Exception):
    """The server did not answer in time."""


def _refused(error: Exception) -> bool:
    return getattr(error, "pgcode", None) in AUTHENTICATION_SQLSTATES or (
        "password authentication failed" in str(error)
    )


def _reason(error: Exception) -> str:
    """One line without the connection string."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"


def administer(settings: DatabaseSettings, *, call_seconds: float = 60.0) -> extensions.connection:
    """An ordinary blocking connection for migrations, registration and the command line.

    Raises:
        StoreUnavailable: the server cannot be reached.
    """
    import psycopg2

    try:
        return psycopg2.connect(
            **settings.to_libpq(connect_seconds=10),
            options=f"-c statement_timeout={int(call_seconds * 1000)}",
            keepalives_idle=10,
            tcp_user_timeout=int(call_seconds * 1000),
        )
    except psycopg2.OperationalError as error:
        raise StoreUnavailable(f"Postgres: {_reason(error)}") from error
