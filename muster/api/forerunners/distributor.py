"""`/tasks`: the task distributor's paths. What it kept in its memory is counted in the ledger here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.jobs.submission import KEY_HEADER, ask, job_id
from muster.api.problem import invalid
from muster.api.tasks.queues import cleared
from muster.api.tasks.submission import routed, the_task
from muster.lane import NORMAL
from muster.message.traceparent import valid_traceparent
from muster.store.identifier import new_execution_id
from muster.store.tenant_jobs import Wanted

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services

#: What the statistics are about: jobs that were recorded in the last day.
WINDOW_SECONDS = 86_400


def submit(call: Call, services: Services) -> Answer:
    """Record a task, for an agent or for whoever can do it; the id in the answer is the stored one."""
    body = call.body
    if body.get("agent_id") and body.get("requirements"):
        raise invalid("give agent_id or requirements, not both")
    if "agent_id" in body:
        recorded = _ask(call, services)
        told = {
            "task_id": recorded["job_id"],
            "priority": body.get("priority", NORMAL).lower(),
            "submitted_at": recorded["created_at"],
            "agent_id": recorded["agent_id"],
        }
    else:
        task = routed(call, services, the_task(call, body, body["task_data"]))
        told = {n: task[n] for n in ("task_id", "priority", "submitted_at", "agent_id")}
    return Answer(value={"status": "success", "message": "Task submitted for distribution", **told})


def status(call: Call, services: Services) -> Answer:
    """How tasks are distributed."""
    return _told(services, stats=_distribution(call, services))


def queues(call: Call, services: Services) -> Answer:
    """What waits for a start, by priority."""
    return _told(services, queue_sizes=services.tasks(call.tenant).sizes())


def clear(call: Call, services: Services) -> Answer:
    """Call off what waits of a priority; all of it stays in the ledger."""
    priority, count = cleared(call, services)
    return _told(
        services,
        message=f"Cleared {count} tasks from {priority} queue",
        priority=priority,
        cleared_count=count,
    )


def stats(call: Call, services: Services) -> Answer:
    """Both of them."""
    distribution = _distribution(call, services)
    return _told(services, queue_sizes=distribution["queue_sizes"], distribution_stats=distribution)


def _ask(call: Call, services: Services) -> Any:
    body = call.body
    wanted = Wanted(
        execution_id=new_execution_id(now=services.clock.now()),
        job_id=job_id(body.get("task_id"), call.request.headers.get(KEY_HEADER)),
        agent_id=body["agent_id"],
        params=body["task_data"],
        config=None,
        priority=body.get("priority", NORMAL).lower(),
        traceparent=valid_traceparent(call.request.headers.get("traceparent")),
    )
    return ask(call, services, wanted)[0]


def _distribution(call: Call, services: Services) -> dict[str, Any]:
    tasks = services.tasks(call.tenant)
    found = tasks.distribution(window_seconds=WINDOW_SECONDS)
    active, load = tasks.loads()
    ended = found.completed + found.failed
    return {
        "tasks_distributed": found.started,
        "tasks_completed": found.completed,
        "tasks_failed": found.failed,
        "avg_distribution_time": found.mean_wait_seconds,
        "load_balancer_stats": {
            "strategy": "consistent_hash",
            "total_assignments": found.total,
            "successful_assignments": found.completed,
            "failed_assignments": found.failed,
            "success_rate": found.completed / ended if ended else 0,
            "active_agents": active,
            "agent_weights": {},
            "avg_agent_load": load,
        },
        "queue_sizes": tasks.sizes(),
        "window_seconds": WINDOW_SECONDS,
    }


def _told(services: Services, **told: Any) -> Answer:
    timestamp = services.clock.now().isoformat()
    return Answer(value={"status": "success", **told, "timestamp": timestamp})
