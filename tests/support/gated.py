"""A worker behind a turnstile, as one lane's function has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from muster.clock import Clock
from muster.execution.disposition import Disposition
from muster.execution.turnstile import Turnstile
from muster.model import Message
from muster.store.slots import Slots
from tests.support.worker import Workshop


class GatedWorker:
    """What `Workshop.deliver` takes for a worker; its batches come from one lane.

    Options are the turnstile's, where it should not have those of a deployed one.
    """

    def __init__(
        self,
        shop: Workshop,
        *,
        lane: str = "normal",
        capacity: int = 1,
        slots: Slots | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        worker = shop.worker()
        self._lane = lane
        self.turnstile = Turnstile(
            worker=worker,
            agent=worker._agent,
            slots=slots or Slots(shop.database, clock=clock or shop.clock),
            capacity=capacity,
            recorder=worker._recorder,
            clock=clock or shop.clock,
            **options,
        )

    def process(
        self, messages: Sequence[Message], *, time_left: timedelta
    ) -> dict[str, Disposition]:
        """As `Worker.process`."""
        return self.turnstile.process(messages, lane=self._lane, time_left=time_left)
