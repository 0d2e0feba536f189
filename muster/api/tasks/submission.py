"""`POST /v1/tasks`: what is wanted is recorded first; whoever can do it gets it, now or later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.intake import intake_stopped
from muster.api.jobs.submission import KEY_HEADER, job_id, send
from muster.api.problem import conflict, invalid, not_found
from muster.dispatcher.routing import JOB_EXISTS, Routed, route
from muster.lane import NORMAL
from muster.message.traceparent import valid_traceparent
from muster.store.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject


def submit(call: Call, services: Services) -> Answer:
    """Record a task: 202, whether or not an agent can do it now. The same id again is the same task."""
    body = call.body
    return Answer(
        status=202, value=routed(call, services, the_task(call, body, body.get("params")))
    )


def detail(call: Call, services: Services) -> Answer:
    """A task, and the job that it has become."""
    empty = Task(
        task_id=call.path_values["id"],
        requirements={},
        params={},
        priority=NORMAL,
        traceparent=None,
    )
    found = services.tasks(call.tenant).find(empty)
    if found is None:
        raise not_found(
            "there is no such task; one that named its agent is a job: GET /v1/jobs/{id}"
        )
    return Answer(value=_shown(call, services, found[0]))


def the_task(call: Call, body: Mapping[str, Any], params: JsonObject | None) -> Task:
    """What a body asks for.

    Raises:
        Problem: it requires nothing (422).
    """
    requirements: Mapping[str, Any] = body.get("requirements") or {}
    if not any(requirements.values()):
        raise invalid(
            "requirements must name an agent_type, capabilities or services; or name the agent itself"
        )
    return Task(
        task_id=job_id(body.get("task_id"), call.request.headers.get(KEY_HEADER)),
        requirements=requirements,
        params=params or {},
        priority=body.get("priority", NORMAL).lower(),
        traceparent=valid_traceparent(call.request.headers.get("traceparent")),
    )


def routed(call: Call, services: Services, task: Task) -> JsonObject:
    """Record a task and look for its agent; the task as it is then.

    Raises:
        Problem: there is another task of that id (409), or the stage takes none (503).
    """
    tasks = services.tasks(call.tenant)
    tasks.record(task)
    known = tasks.find(task)
    if known is None or not known[1]:
        stopped = intake_stopped(services) if known is None else None
        raise stopped or conflict(
            "task_exists", "there is another task of that id; take another task_id"
        )
    document = known[0]
    if document["execution_id"] is None and document["status"] == "pending":
        jobs = services.jobs(call.tenant)
        found = route(task, tasks=tasks, jobs=jobs, clock=services.clock)
        if found is not None and found.made:
            _send(call, services, found)
        again = tasks.find(task)
        document = again[0] if again else document
    if document["reason"] == JOB_EXISTS:
        raise conflict("job_exists", "its agent has another job of that id; take another task_id")
    return _shown(call, services, document)


def _send(call: Call, services: Services, found: Routed) -> None:
    agent = services.jobs(call.tenant).agent(found.wanted.agent_id)
    if agent is not None:
        send(call, services, agent, found.wanted)


def _shown(call: Call, services: Services, document: JsonObject) -> JsonObject:
    status = document["status"]
    if document["execution_id"] is not None:
        (job,) = services.jobs(call.tenant).find(document["execution_id"]) or (document,)
        status = job["status"]
    names = (
        "task_id",
        "priority",
        "requirements",
        "agent_id",
        "execution_id",
        "reason",
        "submitted_at",
    )
    return {"status": status, **{name: document[name] for name in names}}
