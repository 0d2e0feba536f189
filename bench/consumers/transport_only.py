"""The listener's polling and deleting with nothing between them: no ledger, no agent."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from ecs_listener.disposal import Disposal
from ecs_listener.lane_state import LaneState
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.polling import Polling
from ecs_listener.polling_plan import PollingPlan
from ecs_listener.telling import Telling
from muster.aws.transport import queues_by
from muster.clock import SystemClock
from muster.log import logger
from muster.model import Message


def handle(params: Any) -> None:
    """The job that does nothing."""


def _spawn(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=name).start()


def main() -> None:
    """Consume for ever."""
    queue_url, room = os.environ["BENCH_QUEUE_URL"], int(os.environ["BENCH_SIZE"])
    queues, clock = queues_by(os.environ["BENCH_TRANSPORT"]), SystemClock()
    telling = Telling(log=logger("bench"), metrics=ListenerMetrics())
    disposal = Disposal(queues=queues, clock=clock, telling=telling, at_once=queues.at_once)

    def take(lane: LaneState, messages: Sequence[Message], _asked_at: float) -> None:
        for message in messages:
            handle(json.loads(message.body))
            disposal.delete(lane.queue_url, message.receipt_handle)
            polling.left()

    polling = Polling(
        queues=queues,
        plan=PollingPlan({"normal": queue_url}, room=room, at_once=queues.at_once),
        visibility=timedelta(seconds=120),
        clock=clock,
        telling=telling,
        take=take,
        surplus=take,
        may_receive=lambda: True,
    )
    disposal.start(_spawn)
    for number in range(1, polling.threads(room=room)):
        _spawn(f"polling-{number}", polling.run)
    polling.run()


if __name__ == "__main__":
    main()
