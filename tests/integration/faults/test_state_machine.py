"""Any order of triggers, deliveries, copies, crashes, lost time, cancellations and redrives (I1 to I4).

The model is a dict of what each job may be; Hypothesis looks for an order that breaks it.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from muster.crashpoint import CRASHPOINTS, CrashPointReached
from muster.errors import PermanentError, RetryLater
from muster.job import Job
from muster.model import Claim, Verdict
from tests.support.arming import armed
from tests.support.clerk import delivery
from tests.support.worker import Workshop

#: What a job does is in its name; few names, so that they meet.
JOBS = st.sampled_from(["ok-1", "never-1", "fails-1", "flaky-1", "waits-1"])
#: Where a worker may die; what the dispatcher passes is walked elsewhere.
DEATHS = st.sampled_from(
    [n for n in CRASHPOINTS if n.split(".")[0] in ("claim", "run", "settle", "dead_letter")]
)
SECONDS = st.sampled_from([20, 120, 400])
_TABLES = ("agent_job_execution", "execution_event", "job_key", "effect", "lease")


def _behave(shop: Workshop, job: Job) -> str:
    kind = job.id.split("-")[0]
    if kind == "never":
        raise PermanentError("never")
    if kind == "fails" or (kind == "flaky" and job.attempt == 1):
        raise ValueError("this time")
    if kind == "waits" and job.state is None:
        job.checkpoint({"waited": True})
        raise RetryLater(after=30, snooze=True)
    shop.effect(job.id)
    return job.id


class Life(RuleBasedStateMachine):
    """Everything that may happen to the jobs of one agent."""

    shop: Workshop

    def __init__(self) -> None:
        super().__init__()
        shop = self.shop
        shop.clerk.query("; ".join(f"DELETE FROM {table}" for table in _TABLES))
        shop.memory.stored = {shop.lane: [], shop.dlq: []}
        shop.accepted = []
        #: Each job's row as it was after the last step.
        self.model: dict[str, dict[str, Any]] = {}
        #: The dead letters that lay in the lane then: what may be redriven.
        self.redrivable: set[str] = set()
        self.zombies: list[Claim] = []

    @rule(jobs=st.lists(JOBS, min_size=1, max_size=4))
    def trigger(self, jobs: list[str]) -> None:
        """Somebody asks for jobs, perhaps not for the first time."""
        self.shop.send(*jobs)
        self.shop.accepted = sorted(set(self.shop.accepted))

    @rule(lose_deletes=st.booleans())
    def deliver(self, lose_deletes: bool) -> None:
        """A worker gets what is visible; its deletes may be lost."""
        self.shop.deliver(lose_deletes=lose_deletes)

    @rule(point=DEATHS, passage=st.sampled_from([1, 1, 2]))
    def crash(self, point: str, passage: int) -> None:
        """A worker gets what is visible, and dies of it."""
        with armed(point, passage=passage):
            try:
                self.shop.deliver()
            except CrashPointReached:
                return

    @rule(job=JOBS)
    def be_overtaken(self, job: str) -> None:
        """A worker claims a job by a message of its own and then hangs."""
        self._hang(job)

    @precondition(lambda self: self.zombies)
    @rule()
    def be_overtaken_by_another_that_hangs(self) -> None:
        job = self.zombies[0].job_id
        self.shop.clerk.query(
            "UPDATE agent_job_execution SET lease_expires_at = now() WHERE job_id = %s"
            " AND status = 'running'",
            job,
        )
        self._hang(job)

    def _hang(self, job: str) -> None:
        [judgement] = self.shop.clerk.claim(
            delivery(job), lease=timedelta(seconds=10), worker="zombie"
        )
        if judgement.verdict is Verdict.TAKEN and judgement.claim is not None:
            self.shop.accepted = sorted({*self.shop.accepted, job})
            self.zombies.append(judgement.claim)

    @precondition(lambda self: self.zombies)
    @rule(kind=st.sampled_from(["retried", "snoozed", "handed_back", "cancelled"]))
    def wake_up(self, kind: str) -> None:
        """The hung worker wakes up and says how its attempt ended."""
        claim = self.zombies.pop(0)
        before = self.shop.clerk.row(claim.job_id)
        refund = kind in ("snoozed", "handed_back")
        self.shop.clerk.settle(claim, kind, refund=refund, relay_delay=timedelta(seconds=90))
        if (before["status"], before["fence"]) != ("running", claim.fence):
            assert self.shop.clerk.row(claim.job_id) == before

    @rule(queue=st.sampled_from(["lane", "dlq"]), seed=st.integers(0, 9))
    def duplicate_and_reorder(self, queue: str, seed: int) -> None:
        """SQS delivers a message twice, and keeps no order."""
        stored = self.shop.memory.stored[getattr(self.shop, queue)]
        stored += [replace(m, receipt_handle="", visible_from=0) for m in stored[:1]]
        random.Random(seed).shuffle(stored)

    @rule(seconds=SECONDS)
    def expire(self, seconds: int) -> None:
        """Time passes: leases end, messages become visible, pauses are over."""
        self.shop.skip(timedelta(seconds=seconds))

    @rule(job=JOBS)
    def cancel(self, job: str) -> None:
        """Somebody calls a job off: what waits ends at once."""
        state = self.shop.clerk.ledger.cancel(agent_id="tester", job_id=job, reason="x")
        before = self.model.get(job, {}).get("status")
        assert state == ("cancelled" if before == "pending" else before)

    @rule()
    def redrive(self) -> None:
        """Every dead letter is moved back to the lane."""
        self.shop.redrive()

    @rule()
    def tick(self) -> None:
        self.shop.tick()

    @rule()
    def purge(self) -> None:
        """Somebody purges the lane: what the ledger knows is sent again, what it never saw is gone."""
        known = {row["job_id"] for row in self.shop.clerk.query("SELECT job_id FROM job_key")}
        lane = self.shop.memory.stored[self.shop.lane]
        letters = [m for m in lane if "muster-dead-letter" in m.attributes]
        self.shop.memory.stored[self.shop.lane] = letters  # or the operator has thrown them away
        self.shop.accepted = [job for job in self.shop.accepted if job in known]

    @invariant()
    def nothing_is_wrong(self) -> None:
        """I1 to I4; that effects repeat is what their key is for once workers die."""
        assert self._problems() == []

    @invariant()
    def rows_move_as_the_model_may(self) -> None:
        """I3, I4: what is over stays as it is, but for a failure whose own letter was moved back."""
        rows = self.shop.clerk.query("SELECT * FROM agent_job_execution")
        for row in rows:
            before = self.model.get(row["job_id"], row)
            assert row["execution_id"] == before["execution_id"]
            assert row["fence"] >= before["fence"]
            assert row["attempts"] <= row["max_attempts"]
            if before["status"] in ("completed", "failed", "cancelled") and _moved(before, row):
                letter = f"{before['execution_id']}:{before['fence']}"
                assert (before["status"], letter in self.redrivable) == ("failed", True)
        self.model = {row["job_id"]: row for row in rows}
        self.redrivable = {a["muster-dead-letter"] for a in self.shop.moved_letters()}

    def teardown(self) -> None:
        """Left alone, everything comes to rest."""
        self.shop.settle_down()
        assert self._problems(at_rest=True) == []
        self.rows_move_as_the_model_may()

    def _problems(self, *, at_rest: bool = False) -> list[str]:
        # A dead letter whose failure was redriven by a copy of it lies in the DLQ for nothing.
        found = self.shop.problems(at_rest=at_rest, repeats=tuple(self.shop.accepted))
        return [problem for problem in found if "without its failure" not in problem]


def _moved(before: dict[str, Any], row: dict[str, Any]) -> bool:
    return any(
        before[column] != row[column] for column in ("status", "fence", "result", "attempts")
    )


def test_no_order_of_events_breaks_the_invariants(database_url: str):
    """I1 to I4, F1, F14 to F17, F29: forty lives of up to fifty events."""
    shop = Workshop(database_url, behaviour=lambda job: _behave(shop, job))
    Life.shop = shop
    try:
        run_state_machine_as_test(
            Life,
            settings=settings(
                max_examples=40,
                stateful_step_count=50,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],  # a failure is told at once; to shrink it takes minutes
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        shop.close()
