"""Takes a batch of messages through its whole life: understand, claim, run, settle, bury the dead.

    messages -> normalise -> claim -> run one after another -> settle -> dead letters -> fate of each message

Nothing is acknowledged before the ledger holds how it ended. Where the ledger cannot be reached the
message is kept, and its redelivery finds the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from muster.clock import Clock
from muster.crashpoint import crashpoint
from muster.errors import StoreUnavailable
from muster.execution.arrival import Arrival
from muster.execution.attempt import Agent, Attempts
from muster.execution.batch import Batch
from muster.execution.burial import Burial
from muster.execution.disposition import ACKNOWLEDGE, KEEP, Disposition, return_after
from muster.execution.record import Recorder
from muster.model import Claim, Claimant, Judgement, Message, Outcome, Status, Verdict
from muster.retry import LONGEST_IN_QUEUE
from muster.store.ledger import Ledger

#: Kept free at the end of the host's time for settling.
SETTLE_MARGIN = timedelta(seconds=5)

#: Outcomes older than this are settled before the next job starts: a crash then costs no finished work.
SETTLE_AFTER_SECONDS = 0.1

#: What comes early by no more than this is waited for: queues count in whole seconds, schedules do not.
WAIT_OUT = timedelta(seconds=1)

#: A handed-back job is sent again if its message does not return within this.
HAND_BACK_RELAY = timedelta(minutes=2)


class Worker:
    """Processes batches of one agent, one job at a time."""

    def __init__(
        self,
        *,
        agent: Agent,
        claimant: Claimant,
        ledger: Ledger,
        attempts: Attempts,
        burial: Burial,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._agent = agent
        self._claimant = claimant
        self._ledger = ledger
        self._attempts = attempts
        self._burial = burial
        self._recorder = recorder
        self._clock = clock

    def process(
        self, messages: Sequence[Message], *, time_left: timedelta
    ) -> dict[str, Disposition]:
        """Process a batch within `time_left`; says for each message id what to do with the message."""
        end = self._clock.monotonic() + time_left.total_seconds()
        batch = Batch(messages, agent_id=self._agent.agent_id)
        self._recorder.idle(batch.idle)
        try:
            # Before anything is claimed: without a store to ask, nothing is to be charged.
            self._agent.prepare()
            claims = self._claim(batch, time_left=time_left)
            for position, claim in enumerate(claims):
                # Again, for a batch that takes long; the time it takes is not the job's.
                self._agent.prepare()
                if not self._fits(end):
                    self._hand_back(batch, claims[position:], reason="out_of_time")
                    break
                self._run(batch, claim)
            self._settle(batch)
        except StoreUnavailable as away:
            self._recorder.store_away(away)
        return batch.dispositions()

    def leave_to_relay(
        self, messages: Sequence[Message], *, time_left: timedelta
    ) -> dict[str, Disposition]:
        """Record what messages ask for without running it: the relay sends it in fresh ones, these may go."""
        batch = Batch(messages, agent_id=self._agent.agent_id)
        try:
            claims = self._claim(batch, time_left=time_left)
            jobs = [claim for claim in claims if batch.arrival(claim).rejection is None]
            for claim in claims:
                if claim not in jobs:
                    self._run(batch, claim)
            self._hand_back(batch, jobs, reason="no_slot")
            for claim in jobs:
                batch.let_go(batch.arrival(claim).key)
        except StoreUnavailable as away:
            self._recorder.store_away(away)
        return batch.dispositions()

    def _claim(self, batch: Batch, *, time_left: timedelta) -> list[Claim]:
        """The claims to run now; every other job gets its fate."""
        needed = self._agent.longest * len(batch.arrivals) + SETTLE_MARGIN
        lease = min(time_left, needed)
        crashpoint("claim.before")
        judgements = self._judge(batch, lease=lease)
        crashpoint("claim.after")
        claims = [j.claim for j in judgements if j.claim is not None]
        suspect = next((c for c in claims if c.suspect), None)
        if suspect is not None and len(claims) > 1:
            others = [c for c in claims if c is not suspect]
            self._hand_back(batch, others, reason="neighbour_is_suspect")
            return [suspect]
        return claims

    def _judge(self, batch: Batch, *, lease: timedelta) -> list[Judgement]:
        arrivals = batch.arrivals
        judgements = self._ask(arrivals, lease=lease)
        unknown = [
            arrival.without_params()
            for arrival, judgement in zip(arrivals, judgements, strict=True)
            if judgement.verdict is Verdict.UNKNOWN
        ]
        if unknown:
            for arrival in unknown:
                batch.replace(arrival)
            again = iter(self._ask(unknown, lease=lease))
            judgements = [next(again) if j.verdict is Verdict.UNKNOWN else j for j in judgements]
        for arrival, judgement in zip(arrivals, judgements, strict=True):
            self._recorder.judged(judgement, arrival.delivery)
            if judgement.verdict is Verdict.DEFERRED:
                batch.decide(arrival.key, return_after(judgement.wait))
            elif judgement.failure is not None:
                buried = self._burial.bury([judgement.failure])
                batch.decide(arrival.key, ACKNOWLEDGE if buried else KEEP)
            elif judgement.claim is None:
                batch.decide(arrival.key, ACKNOWLEDGE)
        return judgements

    def _ask(self, arrivals: Sequence[Arrival], *, lease: timedelta) -> list[Judgement]:
        if not arrivals:
            return []
        judgements = self._ledger.claim(
            [arrival.delivery for arrival in arrivals], claimant=self._claimant, lease=lease
        )
        early = [
            at
            for at, judgement in enumerate(judgements)
            if judgement.verdict is Verdict.DEFERRED and judgement.wait <= WAIT_OUT
        ]
        if not early:
            return judgements
        self._clock.sleep(max(judgements[at].wait for at in early).total_seconds())
        again = self._ledger.claim(
            [arrivals[at].delivery for at in early], claimant=self._claimant, lease=lease
        )
        for at, judgement in zip(early, again, strict=True):
            judgements[at] = judgement
        return judgements

    def _fits(self, end: float) -> bool:
        needed = self._agent.longest + SETTLE_MARGIN
        return self._clock.monotonic() + needed.total_seconds() <= end

    def _run(self, batch: Batch, claim: Claim) -> None:
        if batch.unsettled and self._clock.monotonic() - batch.oldest > SETTLE_AFTER_SECONDS:
            self._settle(batch)
        if not batch.unsettled:
            batch.oldest = self._clock.monotonic()
        self._recorder.started(claim)
        rejection = batch.arrival(claim).rejection
        if rejection is not None:
            outcome = Outcome(claim=claim, status=Status.FAILED, kind="failed", error=rejection)
        else:
            outcome = self._attempts.run(claim, limit=self._agent.timeout)
        self._recorder.ended(claim)
        batch.unsettled.append(outcome)

    def _hand_back(self, batch: Batch, claims: Sequence[Claim], *, reason: str) -> None:
        """Give claims back uncharged; their messages come again at once."""
        batch.unsettled += [
            Outcome(
                claim=claim,
                status=Status.PENDING,
                kind="handed_back",
                relay_delay=HAND_BACK_RELAY,
                refund=True,
                reason=reason,
            )
            for claim in claims
        ]
        self._settle(batch)

    def _settle(self, batch: Batch) -> None:
        outcomes, batch.unsettled = batch.unsettled, []
        if not outcomes:
            return
        crashpoint("settle.before")
        states = self._ledger.settle(outcomes)
        crashpoint("settle.after")
        dead: list[Outcome] = []
        for outcome in outcomes:
            key = batch.arrival(outcome.claim).key
            state = states.get(outcome.claim.execution_id)
            self._recorder.settled(outcome, state)
            if state is None:
                continue  # fenced off: whoever holds the job now answers for its message
            if state is Status.PENDING:
                short = outcome.delay <= LONGEST_IN_QUEUE
                fate = return_after(outcome.delay) if short else ACKNOWLEDGE
                batch.decide(key, fate)
            elif state is Status.FAILED:
                dead.append(outcome)
            else:
                batch.decide(key, ACKNOWLEDGE)
        if dead and self._burial.bury_outcomes(dead, batch=batch):
            for outcome in dead:
                batch.decide(batch.arrival(outcome.claim).key, ACKNOWLEDGE)
