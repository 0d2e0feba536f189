"""What ECS says of tasks that have stopped: the jobs they still held are free at once.

A hint, like all events: one that is lost costs the wait for the lease's end, one that comes twice changes
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from muster.contracts import MetricName
from muster.dispatcher.measuring import MetricsFor
from muster.ports import Queues
from muster.store.connection import Database
from muster.store.statements import statements

#: Characters of a reason that are kept.
_REASON = 500

#: ECS's word for a task that never ran: no image, no address, no secret.
_NOT_STARTED = "TaskFailedToStart"

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoppedTask:
    """A task that is gone, and why, in ECS's words."""

    task_id: str
    reason: str
    #: What it belongs to, in ECS's words: `service:<name>`, or what its launcher said.
    group: str = ""
    #: False: ECS could not start it.
    started: bool = True


def stopped_task(body: str) -> StoppedTask | None:
    """The task of an EventBridge event "ECS Task State Change"; None when it tells of no stopped one."""
    try:
        detail = json.loads(body)["detail"]
        task_id = str(detail["taskArn"]).rsplit("/", 1)[-1]
        stopped = detail["lastStatus"] == "STOPPED"
    except (ValueError, KeyError, TypeError):
        return None
    if not stopped or not _ID.fullmatch(task_id):
        return None
    return StoppedTask(
        task_id=task_id,
        reason=_reason(detail)[:_REASON],
        group=str(detail.get("group") or ""),
        started=detail.get("stopCode") != _NOT_STARTED,
    )


def _reason(detail: Mapping[str, Any]) -> str:
    words = [detail.get("stopCode"), detail.get("stoppedReason")]
    for container in detail.get("containers") or ():
        words.append(container.get("reason"))
        if container.get("exitCode") is not None:
            words.append(f"exit code {container['exitCode']}")
    return "; ".join(str(word) for word in words if word)


class StoppedTasks:
    """The duty that reads them from their queue.

    Args:
        queue_url: where EventBridge puts them.
        grace: how long after its lease a job is rescued.
    """

    def __init__(
        self,
        *,
        database: Database,
        queues: Queues,
        queue_url: str,
        grace: timedelta,
        metrics: MetricsFor,
    ) -> None:
        self._database = database
        self._queues = queues
        self._queue_url = queue_url
        self._grace = grace
        self._metrics = metrics
        self._sql = statements("dispatch")

    def page(self) -> int:
        """End the leases of what stopped tasks held; how many events there were.

        Raises:
            MusterError: the queue or the ledger is away; the events come again.
        """
        messages = self._queues.receive(self._queue_url, wait=timedelta(0))
        if not messages:
            return 0
        tasks = [task for m in messages if (task := stopped_task(m.body)) is not None]
        self._free(tasks)
        self._not_started([task for task in tasks if not task.started])
        self._queues.delete_batch(self._queue_url, [m.receipt_handle for m in messages])
        return len(messages)

    def _free(self, tasks: Sequence[StoppedTask]) -> None:
        self._database.run(
            self._sql["tasks_stopped"],
            {
                "task_ids": [task.task_id for task in tasks],
                "reasons": [task.reason for task in tasks],
                "grace_seconds": self._grace.total_seconds(),
            },
        )

    def _not_started(self, tasks: Sequence[StoppedTask]) -> None:
        if not tasks:
            return
        rows = self._database.run(
            self._sql["tasks_not_started"],
            {
                "task_ids": [task.task_id for task in tasks],
                "groups": [task.group for task in tasks],
                "reasons": [task.reason for task in tasks],
            },
        )
        for agent_id, count in rows:
            self._metrics(agent_id).count(MetricName.TASK_START_FAILURES, count)
