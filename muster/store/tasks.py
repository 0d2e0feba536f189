"""Tasks that name no agent but what it must be able to do, as one tenant sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.lane import LANES
from muster.model import JsonObject
from muster.store.connection import Database
from muster.store.document import document
from muster.store.statements import statements

#: Agents among which a task's is looked for: those whose schema its params do not fit are passed over.
_CANDIDATES = 20

#: Jobs that are called off in one statement.
_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What somebody wants done, by whoever can."""

    task_id: str
    #: agent_type, capabilities, services, min_health_score
    requirements: JsonObject
    params: JsonObject
    priority: str
    traceparent: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An agent that can do a task now."""

    agent_id: str
    input_schema: JsonObject | None
    #: Lane to queue URL; None: its workers take jobs elsewhere.
    queues: Mapping[str, str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """How the jobs of the last while went."""

    started: int
    completed: int
    failed: int
    total: int
    #: From recording to the first start.
    mean_wait_seconds: float


class Tasks:
    """The tasks of one tenant. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database, *, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._sql = statements("tasks")

    def record(self, task: Task) -> None:
        """Write a task down before anything is decided about it; one of that id stays as it is."""
        self._run("record_task", **self._content(task), traceparent=task.traceparent)

    def find(self, task: Task) -> tuple[JsonObject, bool] | None:
        """The task of that id, and whether it says the same."""
        rows = self._run("find_task", **self._content(task))
        return (rows[0][0], rows[0][1]) if rows else None

    def candidates(self, task: Task, *, threshold: float) -> list[Candidate]:
        """Agents that can do it now, in the order in which they are to be tried."""
        wanted = task.requirements
        rows = self._run(
            "eligible_agents",
            task_id=task.task_id,
            agent_type=wanted.get("agent_type"),
            capabilities=list(wanted.get("capabilities", ())),
            services=list(wanted.get("services", ())),
            min_health=float(wanted.get("min_health_score", threshold)),
            limit=_CANDIDATES,
        )
        return [Candidate(agent_id=a, input_schema=s, queues=q) for a, s, q in rows]

    def choose(self, task_id: str, candidate: str | None) -> str | None:
        """Give a waiting task its agent; the one that holds, which another process may have chosen.

        None: it has none yet, or waits no more.
        """
        rows = self._run("choose_agent", task_id=task_id, candidate=candidate)
        return rows[0][0] if rows else None

    def routed(self, task_id: str, execution_id: str) -> None:
        """The task is this job now."""
        self._run("task_routed", task_id=task_id, execution_id=execution_id)

    def not_routed(self, task_id: str) -> None:
        """Its agent does not take it after all."""
        self._run("task_not_routed", task_id=task_id)

    def close(self, task_id: str, *, reason: str) -> None:
        """It cannot become a job."""
        self._run("task_closed", task_id=task_id, reason=reason)

    def sizes(self) -> dict[str, int]:
        """How much waits for a start, by priority, the most urgent first."""
        found = dict(self._run("queue_sizes"))
        return {lane: found.get(lane, 0) for lane in LANES}

    def clear(self, priority: str, *, reason: str) -> int:
        """Call off what waits of a priority; how much that was. All of it stays, as cancelled."""
        ((cleared,),) = self._run("clear_tasks", priority=priority, reason=reason)
        while True:
            ((count,),) = self._run("clear_jobs", priority=priority, reason=reason, page=_PAGE)
            cleared += count
            if count < _PAGE:
                return cleared

    def distribution(self, *, window_seconds: int) -> Distribution:
        """How the jobs of the last seconds went."""
        ((started, completed, failed, total, wait),) = self._run(
            "distribution", window_seconds=window_seconds
        )
        return Distribution(
            started=started, completed=completed, failed=failed, total=total, mean_wait_seconds=wait
        )

    def loads(self) -> tuple[int, float]:
        """How many instances are active, and their mean load."""
        ((active, load),) = self._run("loads")
        return active, load

    def _content(self, task: Task) -> dict[str, Any]:
        return {
            "task_id": task.task_id,
            "requirements": document(task.requirements),
            "params": document(task.params),
            "priority": task.priority,
        }

    def _run(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.run(self._sql[name], {**parameters, "tenant": self._tenant})
