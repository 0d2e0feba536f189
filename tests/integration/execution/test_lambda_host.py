"""A worker inside a Lambda function: its answer to SQS, and what an invocation that ends early leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muster.crashpoint import CrashPointReached
from muster.errors import PermanentError, RetryLater
from muster.job import Job
from muster.lambda_host import LambdaHost
from muster.model import Message
from muster.ports import Depth
from muster.store.slots import Slot, Slots
from tests.support.arming import armed
from tests.support.clerk import AGENT
from tests.support.gated import GatedWorker
from tests.support.moments import when
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
MINUTE = timedelta(minutes=1)
NO_WAIT = timedelta(0)


def _host(shop: Workshop) -> LambdaHost:
    return LambdaHost(
        worker=shop.worker(),
        queues=shop.queues,
        metrics=shop.metrics,  # pyright: ignore[reportArgumentType] - the fake has what is used
        queue_urls={"lane": shop.lane},
        lanes={"lane": "normal"},
    )


def _record(message: Message) -> dict[str, Any]:
    attributes = {
        name: {"stringValue": value, "dataType": "String"}
        for name, value in message.attributes.items()
    }
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
        "messageAttributes": attributes,
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:lane",
    }


def _invoke(
    shop: Workshop, *, time_left: timedelta = MINUTE, host: LambdaHost | None = None
) -> list[str]:
    """What the event source does: invoke with a batch, delete what is not named in the answer."""
    messages = shop.queues.receive(shop.lane, wait=NO_WAIT)
    answer = (host or _host(shop)).handle(
        {"Records": [_record(message) for message in messages]}, time_left=time_left
    )
    kept = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    done = [m.receipt_handle for m in messages if m.message_id not in kept]
    shop.queues.delete_batch(shop.lane, done)
    return kept


def test_only_what_stays_in_the_queue_is_named(workshop: MakeWorkshop):
    """S1: a bad body, a failure for good and a success are done with; what is tried again is named."""

    # Given a batch with all of them
    def behaviour(job: Job) -> None:
        if job.id == "later":
            raise RetryLater(after=30)
        if job.id == "never":
            raise PermanentError("no")
        shop.effect(job.id)

    shop = workshop(behaviour=behaviour, clock=Timepiece(stopped=True))
    shop.send("fine", "later", "never")
    shop.send_body("not json")
    # When the function is invoked
    kept = _invoke(shop)
    # Then one message stays, hidden for as long as its job waits
    [message] = shop.memory.stored[shop.lane]
    assert kept == [message.message_id]
    assert message.visible_from - shop.clock.monotonic() == pytest.approx(30)
    assert shop.problems() == []
    # And no message's job is unrecorded
    assert len(shop.clerk.query("SELECT 1 FROM agent_job_execution")) == 4


def test_without_a_slot_every_message_is_named_and_comes_back_soon(workshop: MakeWorkshop):
    # Given an agent with one slot, which somebody holds
    shop = workshop(clock=Timepiece(stopped=True))
    slots = Slots(shop.database)
    held = slots.take(agent_id=AGENT, lane="normal", holder="x", capacity=1, lease=MINUTE)
    assert isinstance(held, Slot)
    shop.send("a", "b")
    # When the function of a lane is invoked
    host = replace(_host(shop), turnstile=GatedWorker(shop).turnstile, lanes={"lane": "low"})
    kept = _invoke(shop, host=host)
    # Then its messages stay, hidden for a second, and its lane has its place in line
    assert len(kept) == 2
    for message in shop.memory.stored[shop.lane]:
        assert message.visible_from - shop.clock.monotonic() == pytest.approx(1, abs=0.5)
    [waiting] = shop.clerk.query("SELECT lane FROM agent_lane_wait")
    assert waiting == {"lane": "low"}
    # And once the slot is free, they run
    slots.release([held])
    shop.skip(timedelta(seconds=2))
    assert _invoke(shop, host=host) == []
    assert shop.problems(at_rest=True) == []


def test_an_empty_answer_means_that_all_is_done(workshop: MakeWorkshop):
    shop = workshop()
    shop.send(*(f"job-{n}" for n in range(10)))
    assert _invoke(shop) == []
    assert shop.queues.depth(shop.lane) == Depth(visible=0, in_flight=0, delayed=0)
    assert shop.problems(at_rest=True) == []


def test_an_invocation_that_dies_after_its_commit_is_recognised(workshop: MakeWorkshop):
    """F27: it is cut off between the commit and its answer; the redelivery finds the job completed."""
    # Given an invocation that ends right after it settled
    shop = workshop()
    shop.send("a", "b")
    with armed("settle.after"), pytest.raises(CrashPointReached):
        _invoke(shop)
    # When the whole batch is delivered again / Then nothing runs, and everything is acknowledged
    shop.skip(MINUTE)
    assert _invoke(shop) == []
    assert shop.clerk.story("a") == ["claimed", "completed", "redelivered"]
    assert shop.problems(at_rest=True) == []


def test_an_invocation_that_is_cut_off_in_mid_job_frees_it_by_its_own_deadline(
    workshop: MakeWorkshop,
):
    """F27: the row in progress expires when the invocation would have ended, not later, not sooner."""
    shop = workshop(timeout=timedelta(seconds=200))
    shop.send("j")
    with armed("run.after"), pytest.raises(CrashPointReached):
        _invoke(shop, time_left=timedelta(seconds=207))
    # Given a minute before its end: the message that comes back is told to wait for the rest
    shop.memory.stored[shop.lane][0].visible_from = 0
    shop.skip(timedelta(seconds=145))
    began = shop.clock.monotonic()
    [kept] = _invoke(shop)
    took = shop.clock.monotonic() - began
    [message] = shop.memory.stored[shop.lane]
    assert message.message_id == kept
    earliest, latest = when(shop, shop.clerk.row("j")["lease_expires_at"])
    assert earliest <= message.visible_from <= latest + took
    # When it is over / Then the job runs as its second attempt
    shop.skip(2 * MINUTE)
    assert _invoke(shop, time_left=5 * MINUTE) == []
    assert shop.clerk.story("j") == ["claimed", "lost", "claimed", "completed"]
    assert shop.problems(at_rest=True, repeats=("j",)) == []


def test_too_little_time_is_no_reason_to_charge_anybody(workshop: MakeWorkshop):
    shop = workshop(timeout=timedelta(seconds=30))
    shop.send("j")
    assert len(_invoke(shop, time_left=timedelta(seconds=10))) == 1
    assert shop.clerk.row("j")["attempts"] == 0
