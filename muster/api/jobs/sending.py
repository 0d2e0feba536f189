"""Puts a recorded job on its lane; what fails is logged and left to the relay.

The caller does not wait for SQS's answer where SQS has answered just now: the record is what counts, and the
relay looks after messages that did not arrive. The next call listens while it waits for Postgres.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from muster.dispatcher.carrier import carrier

if TYPE_CHECKING:
    from muster.api.services import Services
    from muster.model import JsonObject, Source
    from muster.ports import Sent


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
    ready = services.queues.prepare(services.lanes.url(agent_id, queues, priority), [message])

    def hear(told: Callable[[], Sequence[Sent]]) -> None:
        for sent in told():
            if not sent.ok:
                services.log.warning(
                    "job was not sent; the relay will",
                    extra={"execution": execution_id, "reason": str(sent.error)},
                )

    def send_it() -> None:
        answer = ready.post()
        if answer is None:
            hear(ready.send)
        else:
            services.unheard.leave(partial(hear, answer))

    return send_it


def _nothing() -> None:
    """There is no queue to send to."""
