"""`POST /hooks/{agent}/{name}`: check, prove, record, send, answer. One delivery is one execution.

What is cheap comes first, and nothing is written before the sender is known. A message that is lost is sent
again by the relay.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.hooks.content import check_kind, params_of
from muster.api.intake import intake_stopped
from muster.api.jobs.sending import prepare_job
from muster.api.problem import Problem, conflict, invalid
from muster.errors import ConfigurationError
from muster.execution.params import params_checker
from muster.hooks.posted import NotProven, Posted
from muster.hooks.schemes import scheme
from muster.message.envelope import MAX_ID_LENGTH
from muster.message.traceparent import valid_traceparent
from muster.model import Source
from muster.store.hooks import Arrived, Hook
from muster.store.identifier import new_execution_id

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.hooks.scheme import Scheme

_AGENT = re.compile(r"[a-z][a-z0-9-]{1,62}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")

#: Seconds after which a sender may come back while the agent takes no jobs.
_DISABLED_SECONDS = 300


def receive(call: Call, services: Services) -> Answer:
    """Record a delivery: 202; one that is recorded already with the same body: 200 with the same id."""
    kind = check_kind(call.request)
    hook = _hook(call, services)
    way = scheme(hook.verify, signature_header=hook.signature_header)
    posted = Posted(headers=call.request.headers, body=call.request.body)
    delivery = _proven(hook, way, posted, services)
    _count(hook, services)
    params = params_of(call.request, kind=kind, told=(*way.told, *hook.headers), delivery=delivery)
    challenge = _challenge(params["body"]) if hook.verify == "slack" else None
    if challenge is not None:
        return Answer(value={"challenge": challenge})
    problem = params_checker(hook.input_schema)(params)
    if problem:
        raise invalid(problem, code="invalid_params")
    arrived = Arrived(
        execution_id=new_execution_id(now=services.clock.now()),
        job_id=_job_id(hook.name, delivery),
        digest=posted.digest,
        params=params,
        traceparent=valid_traceparent(call.request.headers.get("traceparent")),
    )
    return _record(hook, arrived, delivery, services)


def _record(hook: Hook, arrived: Arrived, delivery: str, services: Services) -> Answer:
    recorded = services.hooks.record(hook, arrived)
    if recorded is None:
        raise intake_stopped(services) or Problem(
            503,
            "agent_disabled",
            "the agent is disabled: it takes no deliveries now",
            headers={"Retry-After": str(_DISABLED_SECONDS)},
        )
    if not recorded.same:
        raise conflict("delivery_exists", "there is another delivery of that id; it stays as it is")
    receipt = {"execution_id": recorded.execution_id, "delivery": delivery}
    if recorded.execution_id != arrived.execution_id:
        return Answer(status=200, value=receipt)
    send = prepare_job(
        services,
        hook.queues,
        agent_id=hook.agent_id,
        job_id=arrived.job_id,
        execution_id=arrived.execution_id,
        tenant=hook.tenant,
        params=arrived.params,
        priority=hook.priority,
        source=Source.WEBHOOK,
        traceparent=arrived.traceparent,
    )
    send()
    return Answer(status=202, value=receipt)


def _hook(call: Call, services: Services) -> Hook:
    agent_id, name = call.path_values["agent"], call.path_values["name"]
    found = None
    if _AGENT.fullmatch(agent_id) and _NAME.fullmatch(name):
        found = services.hooks.find(agent_id, name)
    if found is None:
        services.log.info("delivery refused", extra={"reason": "no_such_webhook"})
        raise _refused()
    return found


def _proven(hook: Hook, way: Scheme, posted: Posted, services: Services) -> str:
    """The id of a delivery whose sender holds the secret, as it is or as it has just become."""
    where = {"agent": hook.agent_id, "webhook": hook.name}
    now = services.clock.now()
    try:
        known = services.hook_secrets.of(hook.agent_id, hook.name).valid(now)
        try:
            return way.verify(posted, secrets=known, now=now)
        except NotProven as error:
            current = services.hook_secrets.newer(hook.agent_id, hook.name).valid(now)
            if current == known:
                raise error from None
            return way.verify(posted, secrets=current, now=now)
    except NotProven as error:
        services.log.warning("delivery refused", extra={**where, "reason": error.code})
        raise _refused() from None
    except ConfigurationError as error:
        told = {**where, "reason": error.code}
        services.log.error("a webhook's secret cannot be used", extra=told)  # noqa: TRY400 - no trace: it might quote
        raise Problem(
            503,
            "webhook_not_ready",
            "the webhook cannot check signatures now; its operator has to see to it",
            headers={"Retry-After": "60"},
        ) from None


def _count(hook: Hook, services: Services) -> None:
    """Only what is proven counts: strangers cannot use a sender's rate up."""
    wait = services.hook_rate.take(f"hook:{hook.agent_id}/{hook.name}")
    if wait:
        raise Problem(
            429,
            "too_many_requests",
            f"this webhook is called too often; try again in {wait} s",
            headers={"Retry-After": str(wait)},
        )


def _refused() -> Problem:
    # One answer, whether there is no such webhook, no signature, a wrong one or an old one.
    return Problem(401, "unauthorized", "the delivery is not signed by whom this webhook knows")


def _challenge(body: Any) -> str | None:
    """What Slack asks for once, when this address is entered there, to see that it is ours."""
    match body:
        case {"type": "url_verification", "challenge": str(challenge)}:
            return challenge
        case _:
            return None


def _job_id(name: str, delivery: str) -> str:
    job_id = f"webhook:{name}:{delivery}"
    if len(job_id) <= MAX_ID_LENGTH:
        return job_id
    return f"webhook:{name}:long:{hashlib.sha256(delivery.encode()).hexdigest()}"
