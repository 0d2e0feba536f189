"""From a message to the jobs it asks for: pure, standard library only, and it never raises.

What cannot be understood becomes a `Rejection` whose error names the cure and never quotes the
payload. `docs/guides/messages.md` describes the bodies.
"""

from __future__ import annotations

import re
from typing import Any

from muster.contracts import ENVELOPE_VERSION, MAX_HOPS, DeadLetterAttribute
from muster.message.body import BodyProblem, parse_object, storable
from muster.message.envelope import (
    DEFAULT_TENANT,
    MARK,
    Envelope,
    envelope,
    identifier_problem,
    read_envelope,
)
from muster.message.foreign import ForeignJob, read_foreign
from muster.message.s3 import BrokenEvent, Event, read_s3
from muster.message.traceparent import valid_traceparent
from muster.model import Delivery, ErrorRecord, Message, Rejection, Source

__all__ = ["envelope", "normalise"]

#: `<execution id>:<fence>`; a fence is a bigint, so 18 digits always fit.
_DEAD_LETTER = re.compile(r"[0-9a-fA-F-]{36}:([0-9]{1,18})")


def normalise(message: Message, *, agent_id: str) -> tuple[Delivery | Rejection, ...]:
    """The jobs that `message` asks of the agent `agent_id`, or why it asks for none.

    Job ids are different. Only events of S3 ask for several jobs, or, when they tell of no new object,
    for none.
    """
    try:
        body = parse_object(message.body)
    except BodyProblem as problem:
        text = f"The body is not a JSON object: {problem}. Send the params as one JSON object."
        return (_rejection(message, "malformed_body", text),)
    events = None if MARK in body else read_s3(body)
    if events is not None:
        jobs = [_from_s3(message, event) for event in events]
        # An object that is told twice is one job.
        return tuple({job.job_id: job for job in jobs}.values())
    return (_from_object(message, body, agent_id),)


def _from_object(message: Message, body: dict[str, Any], agent_id: str) -> Delivery | Rejection:
    if MARK in body:
        return _from_envelope(message, body, agent_id)
    foreign = read_foreign(body)
    if foreign is not None:
        return _from_foreign(message, foreign, agent_id)
    return _delivery(message, job_id=_own_job_id(message), params=body)


def _from_envelope(message: Message, body: dict[str, Any], agent_id: str) -> Delivery | Rejection:
    version = body[MARK]
    if type(version) is not int or version != ENVELOPE_VERSION:
        return _rejection(
            message,
            "unknown_envelope",
            f'The body has a key "{MARK}", so it is an envelope, but of a version this agent does '
            f'not know. Send "{MARK}": {ENVELOPE_VERSION}, or deploy the agent with a newer Muster.',
        )
    read = read_envelope(body)
    if not isinstance(read, Envelope):
        return _rejection(
            message,
            "bad_envelope",
            f"The envelope is wrong: {'; '.join(read)}. Mend it and send it again.",
        )
    if read.agent_id not in (None, agent_id):
        return _wrong_agent(message, agent_id)
    if read.hops >= MAX_HOPS:
        return _rejection(
            message,
            "too_many_hops",
            f"The job was passed on {MAX_HOPS} times. Look for agents that send to each other in a loop.",
            job_id=read.job_id,
            tenant=read.tenant,
        )
    return _delivery(
        message,
        job_id=read.job_id,
        params=read.params,
        config=read.config,
        tenant=read.tenant,
        priority=read.priority,
        source=read.source,
        scheduled_for=read.scheduled_for,
        traceparent=read.traceparent,
        hops=read.hops,
    )


def _from_foreign(message: Message, job: ForeignJob, agent_id: str) -> Delivery | Rejection:
    problem = identifier_problem(job.id_field, job.job_id)
    if problem:
        return _rejection(message, "bad_envelope", f"{problem}. Mend it and send it again.")
    if job.agent_id not in (None, agent_id):
        return _wrong_agent(message, agent_id)
    return _delivery(message, job_id=job.job_id, params=job.params, config=job.config)


def _from_s3(message: Message, event: Event) -> Delivery | Rejection:
    if not isinstance(event, BrokenEvent):
        return _delivery(message, job_id=event.job_id, params=event.params, source=Source.S3)
    own = _own_job_id(message)
    return _rejection(
        message,
        "bad_s3_event",
        f"An event of S3 cannot be understood: {event.problem}. Send an event as S3 writes it, or the "
        "params as a JSON object.",
        job_id=f"{own[:240]}:{event.position}" if event.position else own,
        body=event.body,
    )


def _delivery(
    message: Message,
    *,
    job_id: str,
    params: dict[str, Any] | None,
    config: dict[str, Any] | None = None,
    traceparent: str | None = None,
    **fields: Any,
) -> Delivery:
    return Delivery(
        message_id=message.message_id,
        job_id=job_id,
        params=None if params is None else storable(params, body=message.body),
        config=None if config is None else storable(config, body=message.body),
        traceparent=traceparent or valid_traceparent(message.attributes.get("traceparent")),
        sent_at=message.sent_at,
        dead_letter_fence=_dead_letter_fence(message),
        **fields,
    )


def _rejection(
    message: Message,
    code: str,
    text: str,
    *,
    job_id: str | None = None,
    tenant: str = DEFAULT_TENANT,
    body: str | None = None,
) -> Rejection:
    return Rejection(
        message_id=message.message_id,
        job_id=job_id or _own_job_id(message),
        error=ErrorRecord(message=text, code=code, retryable=False, error_class="Rejection"),
        tenant=tenant,
        body=message.body if body is None else body,
        sent_at=message.sent_at,
        dead_letter_fence=_dead_letter_fence(message),
    )


def _wrong_agent(message: Message, agent_id: str) -> Rejection:
    return _rejection(
        message,
        "wrong_agent",
        f"The message is addressed to another agent, but lies in a queue of {agent_id}. "
        "Send it to the queue of the agent that it names, or leave the agent out.",
    )


def _own_job_id(message: Message) -> str:
    """The job id of a body that names none: the message's id, kept through the dead-letter queue."""
    original = message.attributes.get(DeadLetterAttribute.JOB)
    if (
        original is not None
        and _dead_letter_fence(message) is not None
        and not identifier_problem("job", original)
    ):
        return str(original)
    return message.message_id


def _dead_letter_fence(message: Message) -> int | None:
    told = message.attributes.get(DeadLetterAttribute.DEAD_LETTER)
    if told is None:
        return None
    match = _DEAD_LETTER.fullmatch(told)
    return int(match[1]) if match else None
