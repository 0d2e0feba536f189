"""Which queue of an agent a job is sent to: its priority's own lane, or the nearest one."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from muster.lane import nearest_lane


class LaneChoice:
    """Finds the lane, and says once a process when it is not the one that was asked for."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: set[tuple[str, str, str]] = set()

    def url(self, agent_id: str, queues: Mapping[str, str], priority: str) -> str:
        """The queue for a job of that priority; the job keeps the priority."""
        lane = nearest_lane(priority, queues)
        if lane != priority and (agent_id, priority, lane) not in self._told:
            self._told.add((agent_id, priority, lane))
            self._log.info(
                "%s has no lane %s: such jobs go to %s; add it to queue.lanes in agent.toml",
                agent_id,
                priority,
                lane,
            )
        return queues[lane]
