"""Puts a recorded job on its lane; what fails is logged and left to the relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from muster.dispatcher.carrier import carrier

if TYPE_CHECKING:
    from muster.api.services import Services
    from muster.model import JsonObject, Source


def prepare_job(
    services: Services,
    queues: Mapping[str, str] | None,
    *,
    agent_id: str,
    job_id: str,
    execution_id: str,
    tenant: str,
    params: JsonObject,
    priority: str,
    source: Source,
    traceparent: str | None,
) -> Callable[[], None]:
    """The job's message, as ready as it can be: calling what is returned sends it.

    Args:
        queues: lane to queue URL; None while the agent has no queue.
    """
    if not queues:
        return _nothing
    message = carrier(
        delay=timedelta(0),
        params=params,
        job_id=job_id,
        agent_id=agent_id,
        tenant=tenant,
        priority=priority,
        source=source,
        scheduled_for=None,
        traceparent=traceparent,
    )
    send = services.queues.prepare(services.lanes.url(agent_id, queues, priority), [message])

    def send_it() -> None:
        [sent] = send()
        if not sent.ok:
            services.log.warning(
                "job was not sent; the relay will",
                extra={"execution": execution_id, "reason": str(sent.error)},
            )

    return send_it


def _nothing() -> None:
    """There is no queue to send to."""
