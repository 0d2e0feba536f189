"""Takes a batch of messages through its whole life: understand, claim, run, settle, bury the dead.

    messages -> normalise -> claim -> run one after another -> settle -> dead letters -> fate of each message

Nothing is acknowledged before the ledger holds how it ended. Where the ledger cannot be reached the
message is kept, and its redelivery finds the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from muster.clock import Clock
from muster.crashpoint import crashpoint
from muster.errors import StoreUnavailable
from muster.execution.arrival import Arrival, arrival_of
from muster.execution.attempt import Agent, Attempts
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

#: A handed-back job is sent again if its message does not return within this.
HAND_BACK_RELAY = timedelta(minutes=2)


@dataclass(slots=True)
class _Batch:
    """What is known of the messages at hand."""

    arrivals: dict[str, Arrival]
    fates: dict[str, Disposition] = field(default_factory=dict[str, Disposition])
    unsettled: list[Outcome] = field(default_factory=list[Outcome])
    oldest: float = 0.0


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
        arrivals = [arrival_of(message, agent_id=self._agent.agent_id) for message in messages]
        batch = _Batch(arrivals={a.message.message_id: a for a in arrivals})
        try:
            claims = self._claim(batch, arrivals, time_left=time_left)
            for position, claim in enumerate(claims):
                if not self._fits(end):
                    self._hand_back(batch, claims[position:], reason="out_of_time")
                    break
                self._run(batch, claim)
            self._settle(batch)
        except StoreUnavailable as away:
            self._recorder.store_away(away)
        return {m.message_id: batch.fates.get(m.message_id, KEEP) for m in messages}

    def _claim(
        self, batch: _Batch, arrivals: Sequence[Arrival], *, time_left: timedelta
    ) -> list[Claim]:
        """The claims to run now; every other message gets its fate."""
        needed = self._agent.timeout * len(arrivals) + SETTLE_MARGIN
        lease = min(time_left, needed)
        crashpoint("claim.before")
        judgements = self._judge(batch, arrivals, lease=lease)
        crashpoint("claim.after")
        claims = [j.claim for j in judgements if j.claim is not None]
        suspect = next((c for c in claims if c.suspect), None)
        if suspect is not None and len(claims) > 1:
            others = [c for c in claims if c is not suspect]
            self._hand_back(batch, others, reason="neighbour_is_suspect")
            return [suspect]
        return claims

    def _judge(
        self, batch: _Batch, arrivals: Sequence[Arrival], *, lease: timedelta
    ) -> list[Judgement]:
        judgements = self._ledger.claim(
            [a.delivery for a in arrivals], claimant=self._claimant, lease=lease
        )
        unknown = [
            batch.arrivals[j.message_id].without_params()
            for j in judgements
            if j.verdict is Verdict.UNKNOWN
        ]
        if unknown:
            batch.arrivals |= {a.message.message_id: a for a in unknown}
            judgements = [j for j in judgements if j.verdict is not Verdict.UNKNOWN]
            judgements += self._ledger.claim(
                [a.delivery for a in unknown], claimant=self._claimant, lease=lease
            )
        for judgement in judgements:
            self._recorder.judged(judgement, batch.arrivals[judgement.message_id].delivery)
            if judgement.verdict is Verdict.DEFERRED:
                batch.fates[judgement.message_id] = return_after(judgement.wait)
            elif judgement.failure is not None:
                buried = self._burial.bury([judgement.failure])
                batch.fates[judgement.message_id] = ACKNOWLEDGE if buried else KEEP
            elif judgement.claim is None:
                batch.fates[judgement.message_id] = ACKNOWLEDGE
        return judgements

    def _fits(self, end: float) -> bool:
        needed = self._agent.timeout + SETTLE_MARGIN
        return self._clock.monotonic() + needed.total_seconds() <= end

    def _run(self, batch: _Batch, claim: Claim) -> None:
        if batch.unsettled and self._clock.monotonic() - batch.oldest > SETTLE_AFTER_SECONDS:
            self._settle(batch)
        if not batch.unsettled:
            batch.oldest = self._clock.monotonic()
        self._recorder.started(claim)
        rejection = batch.arrivals[claim.message_id].rejection
        if rejection is not None:
            outcome = Outcome(claim=claim, status=Status.FAILED, kind="failed", error=rejection)
        else:
            outcome = self._attempts.run(claim, limit=self._agent.timeout)
        self._recorder.ended(claim)
        batch.unsettled.append(outcome)

    def _hand_back(self, batch: _Batch, claims: Sequence[Claim], *, reason: str) -> None:
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

    def _settle(self, batch: _Batch) -> None:
        outcomes, batch.unsettled = batch.unsettled, []
        if not outcomes:
            return
        crashpoint("settle.before")
        states = self._ledger.settle(outcomes)
        crashpoint("settle.after")
        dead: list[Outcome] = []
        for outcome in outcomes:
            claim, state = outcome.claim, states.get(outcome.claim.execution_id)
            self._recorder.settled(outcome, state)
            if state is None:
                continue  # fenced off: whoever holds the job now answers for its message
            if state is Status.PENDING:
                short = outcome.delay <= LONGEST_IN_QUEUE
                fate = return_after(outcome.delay) if short else ACKNOWLEDGE
                batch.fates[claim.message_id] = fate
            elif state is Status.FAILED:
                dead.append(outcome)
            else:
                batch.fates[claim.message_id] = ACKNOWLEDGE
        if dead and self._burial.bury_outcomes(dead, arrivals=batch.arrivals):
            batch.fates |= {o.claim.message_id: ACKNOWLEDGE for o in dead}
