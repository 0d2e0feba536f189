"""Messages that are no jobs: recorded and dead-lettered on their first receive, and no neighbour harmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from muster.contracts import INLINE_PARAMS_BYTES
from muster.errors import PermanentError
from muster.execution.disposition import ACKNOWLEDGE
from muster.execution.params import params_checker
from muster.job import Job
from tests.support.timepiece import Timepiece
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]

#: Body to the code of its rejection.
BAD = {
    "": "malformed_body",
    "not json": "malformed_body",
    "[1, 2]": "malformed_body",
    "null": "malformed_body",
    '{"a": NaN}': "malformed_body",
    "[" * 100_000: "malformed_body",
    '{"a":' * 100_000: "malformed_body",
    '{"muster": 2, "job_id": "x"}': "unknown_envelope",
    '{"muster": 1}': "bad_envelope",
    '{"muster": 1, "job_id": 7}': "bad_envelope",
    '{"muster": 1, "job_id": "x", "params": []}': "bad_envelope",
    '{"muster": 1, "job_id": "x", "agent_id": "another", "params": {}}': "wrong_agent",
    '{"muster": 1, "job_id": "loop", "hops": 99, "params": {}}': "too_many_hops",
    '{"muster": 1, "job_id": "params stayed nowhere"}': "unknown_job",
}


@pytest.mark.parametrize(("body", "code"), BAD.items(), ids=lambda value: str(value)[:40])
def test_what_cannot_be_understood_goes_to_the_dlq_at_once(
    workshop: MakeWorkshop, body: str, code: str
):
    """F20, F21, F23: on first receive, with the reason, as it came; the neighbours run."""
    # Given a bad message between two good ones
    shop = workshop()
    shop.send("before")
    bad = shop.send_body(body)
    shop.send("after")
    # When the batch is delivered once
    fates = shop.deliver()
    # Then all three are done with, and only the good ones had an effect
    assert fates == [ACKNOWLEDGE] * 3
    assert shop.clerk.query("SELECT job_id FROM effect ORDER BY 1") == [
        *({"job_id": "after"}, {"job_id": "before"})
    ]
    # And the bad one is recorded once, failed, not to be retried
    [row] = shop.clerk.query("SELECT * FROM agent_job_execution WHERE status = 'failed'")
    assert (row["error"]["code"], row["error"]["retryable"]) == (code, False)
    assert (row["attempts"], row["body"]) == (1, body)
    assert row["job_id"] in (bad, "x", "loop", "params stayed nowhere")
    # And lies in the DLQ as it came, with reason and counts
    [letter] = shop.memory.stored[shop.dlq]
    assert letter.body == body
    assert letter.attributes["muster-reason"].startswith(f"{code}: ")
    assert letter.attributes["muster-dead-letter"] == f"{row['execution_id']}:1"
    assert letter.attributes["muster-job"] == row["job_id"]
    assert shop.problems(at_rest=True) == []


def test_params_that_do_not_fit_never_reach_the_code(workshop: MakeWorkshop):
    """F23: a wrong type or a missing field ends in the DLQ with its path, and is not tried again."""
    # Given an agent with a schema
    schema = {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
    shop = workshop(check_params=params_checker(schema))
    shop.send("missing", params={"other": "secret-canary"})
    shop.send("wrong", params={"url": 7})
    shop.send("fits", params={"url": "https://example.com"})
    # When they are delivered
    shop.deliver()
    # Then two are failed with a reason that quotes no value, one ran
    reasons = {a["muster-job"]: a["muster-reason"] for a in shop.letters()}
    assert set(reasons) == {"missing", "wrong"}
    assert all(
        reason.startswith("invalid_params: the params do not fit") for reason in reasons.values()
    )
    assert "url" in reasons["missing"]
    assert "secret-canary" not in shop.log.everything() + str(reasons)
    assert shop.problems(at_rest=True) == []


def test_a_bad_message_that_is_redriven_is_still_bad_and_is_counted(workshop: MakeWorkshop):
    """F29: a poison message that is redriven comes back, history kept, one row."""
    shop = workshop()
    shop.send_body("not json")
    for fence in (1, 2, 3):
        assert shop.deliver() == [ACKNOWLEDGE]
        [letter] = shop.letters()
        assert letter["muster-dead-letter"].endswith(f":{fence}")
        shop.redrive()
    [row] = shop.clerk.query("SELECT redrives, fence, status FROM agent_job_execution")
    assert row == {"redrives": 2, "fence": 3, "status": "failed"}


def test_a_body_at_the_limit_of_sqs_runs_and_its_dead_letter_fits(workshop: MakeWorkshop):
    """F21: params of a mebibyte are stored; the dead letter only names them, and a redrive finds them."""
    # Given a job with nearly as much as SQS takes, that fails for good
    text = "x" * (1024 * 1024 - 200)
    sizes: list[int] = []

    def fail_first(job: Job) -> None:
        sizes.append(len(job.params["text"]))
        if len(sizes) == 1:
            raise PermanentError("no")

    shop = workshop(behaviour=fail_first)
    shop.send("big", params={"text": text})
    shop.deliver()
    # When its dead letter, much smaller than itself, is moved back
    [letter] = shop.memory.stored[shop.dlq]
    assert len(letter.body) < INLINE_PARAMS_BYTES
    assert "params" not in json.loads(letter.body)
    shop.redrive()
    shop.deliver()
    # Then it ran with all its params both times
    assert sizes == [len(text), len(text)]
    assert shop.clerk.row("big")["status"] == "completed"


def test_a_rejected_message_costs_no_time_of_the_agent(workshop: MakeWorkshop):
    # Given a batch of bad messages and an agent that never runs
    def never(job: Job) -> None:
        raise AssertionError(job.id)

    shop = workshop(behaviour=never, timeout=timedelta(seconds=30), clock=Timepiece(stopped=True))
    for _ in range(10):
        shop.send_body("{")
    # When they are delivered / Then none of them is handed back for lack of time
    assert shop.deliver(time_left=timedelta(seconds=40)) == [ACKNOWLEDGE] * 10
    assert len(shop.letters()) == 10


def test_a_dlq_that_does_not_answer_keeps_the_message(workshop: MakeWorkshop):
    """F30: a failure whose dead letter cannot be sent stays owed, and is sent by whoever comes next."""
    # Given a DLQ that is gone
    shop = workshop()
    dlq, shop.memory.stored = shop.dlq, {shop.lane: []}
    shop.send_body("not json")
    # When a bad message is delivered / Then it is failed, and kept
    [fate] = shop.deliver()
    assert fate.fate == "keep"
    assert shop.clerk.query("SELECT 1 FROM agent_job_execution WHERE dlq_pending") != []
    # And when the DLQ is back, the redelivery sends it
    shop.memory.stored[dlq] = []
    shop.skip(timedelta(minutes=1))
    assert shop.deliver() == [ACKNOWLEDGE]
    assert len(shop.letters()) == 1
    assert shop.problems(at_rest=True) == []
