"""Says every half minute that this instance is alive, and asks whether it leads those of its agent."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import StoreUnavailable
from muster.fleet_settings import FleetSettings
from muster.leadership import Hooks, Leadership, TermLeases
from muster.store.instances import Instance, Instances, leadership_of
from muster.store.migration import SchemaError


class Presence:
    """The one thread that beats. While its instance leads, it also looks after the ledger.

    Args:
        running: how many jobs run now.
        upkeep: looks after the ledger until a moment of the monotonic clock; false: something is left to do.
    """

    def __init__(
        self,
        *,
        instance: Instance,
        instances: Instances,
        leases: TermLeases,
        running: Callable[[], int],
        upkeep: Callable[[float], bool],
        fleet: FleetSettings,
        clock: Clock,
        telling: Telling,
    ) -> None:
        self.instance = instance
        self._instances = instances
        self._running = running
        self._upkeep = upkeep
        self._fleet = fleet
        self._clock = clock
        self._telling = telling
        self._wake = threading.Event()
        #: Held by whoever writes: no beat and no renewal may follow the word that this instance has gone.
        self._writing = threading.Lock()
        self._ending = False
        self._draining = False
        self._beat_at = self._upkeep_at = clock.monotonic()
        self._leadership = Leadership(
            leases=leases,
            name=leadership_of(instance.agent_id),
            holder=instance.instance_id,
            term=fleet.leader_term,
            clock=clock,
            hooks=Hooks(
                became_leader=self._became_leader,
                lost_leadership=telling.lost_leadership,
                on_error=lambda error: telling.trouble("leadership not asked for", error),
            ),
        )

    @property
    def leads(self) -> bool:
        """Whether this instance leads, as far as it can prove."""
        return self._leadership.leads

    def drain(self) -> None:
        """Say that no more work is taken, and let another lead."""
        self._draining = True
        self._beat_at = self._clock.monotonic()
        self._wake.set()

    def end(self) -> None:
        """Let the thread end."""
        self._ending = True
        self._wake.set()

    def run(self) -> None:
        """Beat until the end."""
        while not self._ending:
            self._wake.wait(self.turn())
            self._wake.clear()

    def turn(self) -> float:
        """Do what is due; seconds until something is again."""
        with self._writing:
            if self._ending:
                return 0.0
            if self._clock.monotonic() >= self._beat_at:
                self._beat_at = self._clock.monotonic() + self._fleet.heartbeat
                self.beat()
            if self._draining:
                self._leadership.resign()
                return self._until(self._beat_at)
            leads = self._leadership.ask()
        if leads and self._clock.monotonic() >= self._upkeep_at:
            self._look_after()
        until_asked = self._fleet.election_interval
        if self._leadership.leads:
            # A term that cannot be renewed is noticed when it ends.
            until_asked = min(until_asked, self._leadership.proven_for)
            return min(until_asked, self._until(self._beat_at), self._until(self._upkeep_at))
        return min(until_asked, self._until(self._beat_at))

    def beat(self) -> None:
        """One heartbeat; what does not work is tried again at the next."""
        status = "draining" if self._draining else "running"
        try:
            self._instances.beat(self.instance, status=status, running_jobs=self._running())
        except (StoreUnavailable, SchemaError) as away:
            self._telling.trouble("heartbeat not written", away)

    def leave(self) -> None:
        """Deregister, as far as the ledger answers; the last that this instance says."""
        self.end()
        with self._writing:
            self._leadership.resign()
            try:
                self._instances.stop(self.instance)
            except (StoreUnavailable, SchemaError) as away:
                self._telling.trouble("instance not deregistered, it will be marked as stale", away)

    def _became_leader(self, fence: int) -> None:
        self._telling.became_leader(fence)
        self._upkeep_at = self._clock.monotonic()

    def _look_after(self) -> None:
        """Until the next renewal is due; the rest comes after that."""
        now = self._clock.monotonic()
        if self._upkeep(now + self._fleet.election_interval):
            self._upkeep_at = now + self._fleet.cleanup_interval

    def _until(self, moment: float) -> float:
        return max(0.0, moment - self._clock.monotonic())
