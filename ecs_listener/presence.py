"""Says every half minute that this instance is alive, and whether it leads those of its agent."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.errors import StoreUnavailable
from muster.store.instances import BEAT, LEADERSHIP, Instance, Instances
from muster.store.migration import SchemaError


class Presence:
    """The one thread that beats. The leader also marks instances that no longer do.

    Args:
        running: how many jobs run now.
    """

    def __init__(
        self,
        *,
        instance: Instance,
        instances: Instances,
        running: Callable[[], int],
        clock: Clock,
        telling: Telling,
    ) -> None:
        self.instance = instance
        self._instances = instances
        self._running = running
        self._clock = clock
        self._telling = telling
        self._wake = threading.Event()
        self._ending = False
        self._draining = False
        self._fence: int | None = None
        self._led_until = 0.0

    @property
    def leads(self) -> bool:
        """Whether this instance leads, as far as it can prove."""
        return self._fence is not None and self._clock.monotonic() < self._led_until

    def drain(self) -> None:
        """Say that no more work is taken."""
        self._draining = True
        self._wake.set()

    def end(self) -> None:
        """Let the thread end."""
        self._ending = True
        self._wake.set()

    def run(self) -> None:
        """Beat until the end."""
        while not self._ending:
            self.beat()
            self._wake.wait(BEAT.total_seconds())
            self._wake.clear()

    def beat(self) -> None:
        """One heartbeat; what does not work is tried again at the next."""
        status = "draining" if self._draining else "running"
        try:
            self._instances.beat(self.instance, status=status, running_jobs=self._running())
            asked = self._clock.monotonic()
            self._fence = None if self._draining else self._instances.lead(self.instance)
            self._led_until = asked + LEADERSHIP.total_seconds()
            if self._fence is not None:
                for stale in self._instances.sweep():
                    self._telling.phase("instance is stale", instance=stale)
        except (StoreUnavailable, SchemaError) as away:
            self._telling.trouble("heartbeat not written", away)

    def leave(self) -> None:
        """Deregister, as far as the ledger answers."""
        try:
            if self._fence is not None:
                self._instances.abdicate(self.instance, fence=self._fence)
            self._instances.stop(self.instance)
        except (StoreUnavailable, SchemaError) as away:
            self._telling.trouble("instance not deregistered, it will be marked as stale", away)
