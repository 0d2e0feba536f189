"""`POST /v1/jobs/{id}/cancel` and `POST /v1/jobs/{id}/retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.answer import Answer
from muster.api.jobs.reading import the_job
from muster.api.jobs.submission import send
from muster.api.problem import conflict
from muster.model import Status
from muster.store.ledger import Ledger
from muster.store.tenant_jobs import Wanted

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services

#: Why a job was cancelled, as its row says it.
REQUESTED = "requested"


def cancel(call: Call, services: Services) -> Answer:
    """Call a job off: a pending one never starts, a running one is told. Asking again changes nothing."""
    job = the_job(call, services)
    status = Ledger(services.database, clock=services.clock).cancel(
        agent_id=job["agent_id"], job_id=job["job_id"], reason=REQUESTED
    )
    if status in (Status.COMPLETED, Status.FAILED):
        raise conflict("job_finished", "the job has ended; there is nothing to cancel")
    return Answer(value=the_job(call, services))


def retry(call: Call, services: Services) -> Answer:
    """Make a failed job pending again, with its whole budget of attempts."""
    job = the_job(call, services)
    jobs = services.jobs(call.tenant)
    if not jobs.retry(job["execution_id"]):
        raise conflict(
            "job_not_failed", "only a failed job of an agent that takes jobs can be retried"
        )
    agent = jobs.agent(job["agent_id"])
    if agent is not None:
        wanted = Wanted(
            execution_id=job["execution_id"],
            job_id=job["job_id"],
            agent_id=job["agent_id"],
            params=job["params"],
            config=job["config"],
            priority=job["priority"],
            traceparent=job["traceparent"],
        )
        send(call, services, agent, wanted)
    return Answer(status=202, value=the_job(call, services))
