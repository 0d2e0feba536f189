"""One leader at a time among those that ask, by a lease in Postgres with a term and a fencing number.

Who does not renew within the term is replaced, whether it crashed or could not reach Postgres; by then it
knows itself that it does not lead any more, by its own clock. Two leaders are possible for as long as one of
them is frozen: whatever a leader does must be guarded by the rows it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from muster.clock import Clock
from muster.errors import MusterError, StoreUnavailable
from muster.store.migration import SchemaError


class TermLeases(Protocol):
    """Where leases are taken: `muster.store.leases.Leases`."""

    def take(self, *, name: str, holder: str, term: timedelta) -> int | None:
        """Take or renew; the fencing number, None while another's is alive."""
        ...

    def release(self, *, name: str, holder: str, fence: int) -> None:
        """Give back before its time."""
        ...


def _ignore(_: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hooks:
    """Who is told. They are called by the thread that asks for the leadership, and should return soon."""

    #: With the fencing number, once each time it is won.
    became_leader: Callable[[int], None] = _ignore
    #: With the fencing number that it had, once each time it is lost or given back.
    lost_leadership: Callable[[int], None] = _ignore
    #: The leadership could be neither taken nor renewed this time.
    on_error: Callable[[MusterError], None] = _ignore


class Leadership:
    """What one process knows of the leadership. Used by one thread; `leads` may be read by all.

    Args:
        name: of the lease that its candidates share.
        holder: who asks.
        term: after which a leader that did not renew is replaced.
    """

    def __init__(
        self,
        *,
        leases: TermLeases,
        name: str,
        holder: str,
        term: timedelta,
        clock: Clock,
        hooks: Hooks,
    ) -> None:
        self._leases = leases
        self._name = name
        self._holder = holder
        self._term = term
        self._clock = clock
        self._hooks = hooks
        self._fence: int | None = None
        self._until = 0.0

    @property
    def leads(self) -> bool:
        """Whether it leads, as far as this process can prove."""
        return self._fence is not None and self._clock.monotonic() < self._until

    @property
    def fence(self) -> int | None:
        """The fencing number while it leads."""
        return self._fence if self.leads else None

    @property
    def proven_for(self) -> float:
        """Seconds until it has to be renewed; 0 when it does not lead."""
        return max(0.0, self._until - self._clock.monotonic()) if self._fence is not None else 0.0

    def ask(self) -> bool:
        """Take or renew the leadership; whether this process leads now."""
        # The term counts from before the question, so it ends here no later than in the database.
        asked = self._clock.monotonic()
        try:
            fence = self._leases.take(name=self._name, holder=self._holder, term=self._term)
        except (StoreUnavailable, SchemaError) as error:
            self._hooks.on_error(error)
            self.look()
            return self.leads
        if fence is None or fence != self._fence:
            self._lose()
        if fence is not None:
            self._until = asked + self._term.total_seconds()
            if self._fence is None:
                self._fence = fence
                self._hooks.became_leader(fence)
        return self.leads

    def look(self) -> None:
        """Notice that the term has ended without a renewal."""
        if not self.leads:
            self._lose()

    def resign(self) -> None:
        """Give the leadership back, so that another may have it at once."""
        fence, led = self._fence, self.leads
        self._lose()
        if fence is None or not led:
            return
        try:
            self._leases.release(name=self._name, holder=self._holder, fence=fence)
        except (StoreUnavailable, SchemaError) as error:
            # It ends by itself.
            self._hooks.on_error(error)

    def _lose(self) -> None:
        fence, self._fence = self._fence, None
        if fence is not None:
            self._hooks.lost_leadership(fence)
