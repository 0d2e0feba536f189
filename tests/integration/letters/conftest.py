"""Workshops, as the tests of executions have them, and a redrive on their queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from muster.letters.redrive import Order, Redrive
from muster.letters.tally import Tally
from muster.store.dead_letters import DeadLetters
from tests.integration.execution.conftest import workshop
from tests.support.clerk import AGENT
from tests.support.worker import Workshop

__all__ = ["workshop"]

#: Redrives the letters of a workshop; options of `Order` may be given.
Redriving = Callable[..., Tally]


@pytest.fixture
def redrive() -> Redriving:
    """Runs one redrive."""

    def run(shop: Workshop, **options: Any) -> Tally:
        order = Order(agent_id=AGENT, lanes={"normal": shop.lane}, queue_url=shop.dlq, **options)
        return Redrive(
            order, queues=shop.queues, ledger=DeadLetters(shop.database), clock=shop.clock
        ).run()

    return run
