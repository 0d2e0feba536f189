"""`POST /v1/executions/claim`: a worker outside takes jobs, each with a token to report on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.problem import conflict, not_found
from muster.keys.access import Hold

if TYPE_CHECKING:
    from datetime import datetime

    from muster.api.route import Call
    from muster.api.services import Services
    from muster.store.outside_work import OutsideAgent, Taken

#: The compute of agents whose workers ask for their jobs themselves.
OUTSIDE = "http"

#: Most jobs of one call.
MOST = 10

#: Bounds of a lease, in seconds.
SHORTEST_LEASE = 10
LONGEST_LEASE = 12 * 3600

#: What an attempt may take longer than its agent's timeout until it counts as lost.
GRACE = timedelta(seconds=60)


def claim(call: Call, services: Services) -> Answer:
    """Take jobs that wait, the most urgent first. None is an answer too: ask again in a while."""
    agent_id = call.body["agent_id"]
    work = services.outside_work(call.tenant)
    agent = work.agent(agent_id)
    if agent is None:
        raise not_found("there is no such agent; `muster agents list` names them")
    if agent.compute != OUTSIDE:
        raise conflict(
            "agent_not_outside", "Muster itself runs this agent's jobs; nobody takes them"
        )
    if not agent.enabled:
        raise conflict("agent_disabled", "the agent is disabled: its jobs wait")
    bound = agent.timeout + GRACE
    wanted = call.body.get("lease_seconds")
    lease = bound if wanted is None else min(timedelta(seconds=wanted), bound)
    key_id = _key_id(call)
    taken = work.take(
        agent_id=agent_id,
        count=call.body.get("count", 1),
        worker=call.body.get("worker", f"key {key_id}"),
        lease=lease,
    )
    for job in taken:
        services.log.info(
            "execution claimed over HTTP",
            extra={"execution": job.execution_id, "agent": agent_id, "attempt": job.attempt},
        )
    return Answer(
        value={"executions": [_held(job, call, services, agent, lease=lease) for job in taken]}
    )


def _held(
    job: Taken, call: Call, services: Services, agent: OutsideAgent, *, lease: timedelta
) -> dict[str, Any]:
    deadline = _deadline(job, agent, lease=lease)
    hold = Hold(
        execution_id=job.execution_id,
        created_at=job.created_at,
        fence=job.fence,
        deadline=deadline,
        lease=lease,
    )
    token = services.tokens.execution(hold, key_id=_key_id(call), tenant=call.tenant)
    return {
        "execution_id": job.execution_id,
        "job_id": job.job_id,
        "agent_id": call.body["agent_id"],
        "agent_version": job.agent_version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "params": job.params,
        "config": job.config,
        "state": job.state,
        "priority": job.priority,
        "source": job.source,
        "traceparent": job.traceparent,
        "lease_expires_at": job.lease_expires_at.isoformat(),
        "deadline": deadline.isoformat(),
        "token": token,
    }


def _deadline(job: Taken, agent: OutsideAgent, *, lease: timedelta) -> datetime:
    """Counted from the claim, by the database's clock."""
    return job.lease_expires_at - lease + agent.timeout + GRACE


def _key_id(call: Call) -> str:
    if call.principal is None:
        raise ValueError("claiming is no open route")
    return call.principal.key_id
