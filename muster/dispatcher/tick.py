"""One tick of the dispatcher.

At most one is at work, by a lease with a fencing number; two at once are harmless, since every duty claims
rows with SKIP LOCKED. A duty that does not end in time goes on at the next tick.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from muster.clock import Clock
from muster.store.connection import Database
from muster.store.leases import Leases

#: A tick that died blocks the next ones no longer than this.
LEASE = timedelta(seconds=50)

LEASE_NAME = "dispatcher"


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """One kind of periodic work: does a page and says how much it did; 0 means nothing is left."""

    name: str
    page: Callable[[], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class TickReport:
    """What a tick did."""

    #: False when another dispatcher was at work.
    led: bool
    #: Duty name to the number of things done.
    done: Mapping[str, int] = field(default_factory=dict[str, int])
    #: Duties that failed; the others were done all the same.
    failed: tuple[str, ...] = ()
    #: True when something is left for the next tick.
    unfinished: bool = False


class Tick:
    """Does every duty once, page by page, within a time limit."""

    def __init__(
        self,
        *,
        database: Database,
        duties: tuple[Duty, ...],
        holder: str,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._leases = Leases(database)
        self._duties = duties
        self._holder = holder
        self._clock = clock
        self._log = log

    def run(self, *, time_left: timedelta) -> TickReport:
        """Do the duties until nothing is left or time is up.

        Raises:
            StoreUnavailable: the lease could not be taken or given back.
        """
        end = self._clock.monotonic() + time_left.total_seconds()
        fence = self._leases.take(name=LEASE_NAME, holder=self._holder, term=LEASE)
        if fence is None:
            return TickReport(led=False)
        report = do_duties(self._duties, end=end, clock=self._clock, log=self._log)
        self._leases.release(name=LEASE_NAME, holder=self._holder, fence=fence)
        return report


def do_duties(
    duties: tuple[Duty, ...], *, end: float, clock: Clock, log: logging.Logger
) -> TickReport:
    """Do them until nothing is left or time is up, for somebody who may.

    Args:
        end: monotonic time.
    """
    done: dict[str, int] = {}
    failed: list[str] = []
    unfinished = False
    for duty in duties:
        try:
            done[duty.name], left = _do(duty, end, clock)
            unfinished = unfinished or left
        except Exception:
            log.exception("duty failed", extra={"duty": duty.name})
            failed.append(duty.name)
    return TickReport(led=True, done=done, failed=tuple(failed), unfinished=unfinished)


def _do(duty: Duty, end: float, clock: Clock) -> tuple[int, bool]:
    total = 0
    while clock.monotonic() < end:
        count = duty.page()
        total += count
        if not count:
            return total, False
    return total, True
