"""`POST /v1/jobs`: check, record, send, answer. A message that is lost is sent again by the relay."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from muster.api.answer import Answer
from muster.api.intake import intake_stopped
from muster.api.jobs.sending import prepare_job
from muster.api.problem import conflict, invalid, not_found
from muster.lane import NORMAL
from muster.message.envelope import identifier_problem
from muster.message.traceparent import valid_traceparent
from muster.model import Source
from muster.store.identifier import new_execution_id
from muster.store.tenant_jobs import JobAgent, Recorded, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

#: Which agent the short form is for.
FETCHER = "http-fetch"

#: What of a body is not the short form's params.
_OF_THE_JOB = {"job_id", "priority"}

#: Names the job where the body does not.
KEY_HEADER = "idempotency-key"


def submit(call: Call, services: Services) -> Answer:
    """Record a job: 202; one that is recorded already with the same content: 200 with the same ids."""
    return answered(call, services, wanted_of(call, services))


def answered(call: Call, services: Services, wanted: Wanted) -> Answer:
    """Record a job and say so. Raises as `ask`."""
    document, made = ask(call, services, wanted)
    return taken(document) if made else Answer(status=200, value=document)


def taken(document: JsonObject) -> Answer:
    """What is said of a job that was recorded just now."""
    return Answer(
        status=202, value=document, headers={"Location": f"/v1/jobs/{document['execution_id']}"}
    )


def ask(call: Call, services: Services, wanted: Wanted) -> tuple[JsonObject, bool]:
    """Record a job and send it; what is recorded, and whether that is new.

    Raises:
        Problem: there is no such agent (404), it is disabled, or the id is another job's (409), the params
            do not fit (422), or the stage takes no jobs (503).
    """
    agent, recorded = _recorded(call, services, wanted)
    if recorded is None:
        raise intake_stopped(services) or conflict(
            "agent_disabled", "the agent is disabled: it takes no jobs now"
        )
    if not recorded.same:
        raise conflict(
            "job_exists", "there is another job of that id for this agent; take another job_id"
        )
    if recorded.document["execution_id"] != wanted.execution_id:
        return recorded.document, False
    send(call, services, agent, wanted)
    return recorded.document, True


def _recorded(call: Call, services: Services, wanted: Wanted) -> tuple[JobAgent, Recorded | None]:
    """Check and record, by what this process knows of the agent if that still is true."""
    jobs = services.jobs(call.tenant)
    known = services.remembered.known(call.tenant, wanted.agent_id)
    if known is not None and known.problem(wanted.params) is None:
        recorded = jobs.submit(wanted, stamp=known.agent.stamp)
        if recorded is not None:
            return known.agent, recorded
    agent = jobs.agent(wanted.agent_id)
    if agent is None:
        raise not_found("there is no such agent; `muster agents list` names them")
    problem = services.remembered.learn(call.tenant, wanted.agent_id, agent).problem(wanted.params)
    if problem:
        raise invalid(problem, code="invalid_params")
    return agent, jobs.submit(wanted)


def send(call: Call, services: Services, agent: JobAgent, wanted: Wanted) -> None:
    """Put the job on its lane's queue; a failure is logged and left to the relay."""
    prepared(call, services, agent, wanted)()


def prepared(call: Call, services: Services, agent: JobAgent, wanted: Wanted) -> Callable[[], None]:
    """What sends the job, to be called once it is recorded."""
    return prepare_job(
        services,
        agent.queues,
        agent_id=wanted.agent_id,
        job_id=wanted.job_id,
        execution_id=wanted.execution_id,
        tenant=call.tenant,
        params=wanted.params,
        priority=wanted.priority,
        source=Source.API,
        traceparent=wanted.traceparent,
    )


def wanted_of(call: Call, services: Services) -> Wanted:
    """The job that a body asks for.

    Raises:
        Problem: its id cannot be (422).
    """
    body = call.body
    short = "url" in body
    params = (
        {k: v for k, v in body.items() if k not in _OF_THE_JOB} if short else body.get("params")
    )
    return Wanted(
        execution_id=new_execution_id(now=services.clock.now()),
        job_id=job_id(body.get("job_id"), call.request.headers.get(KEY_HEADER)),
        agent_id=FETCHER if short else body["agent_id"],
        params=params or {},
        config=body.get("config"),
        priority=body.get("priority", NORMAL),
        traceparent=valid_traceparent(call.request.headers.get("traceparent")),
    )


def job_id(said: str | None, header: str | None) -> str:
    """The id of a job, from a body or the header `Idempotency-Key`; a new one where neither says it.

    Raises:
        Problem: they differ, or the header is no id (422).
    """
    if header is None:
        return said or str(uuid4())
    key = header.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    problem = identifier_problem("Idempotency-Key", key)
    if problem:
        raise invalid(problem)
    if said not in (None, key):
        raise invalid("job_id and Idempotency-Key differ; give one of them")
    return key
