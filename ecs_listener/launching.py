"""Launches a task for what was claimed, instead of running it: `isolation = "task"`.

The listener renews lease, visibility and slot until its renewal says that the claim is somebody else's: the
task has taken it over. From then on only the task answers for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from ecs_listener.errand import Errand
from ecs_listener.holding import Holding
from ecs_listener.holdings import Holdings
from ecs_listener.launcher import Launcher, LaunchFailed
from ecs_listener.ready import Ready
from ecs_listener.running import stopped
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.execution.worker import HAND_BACK_RELAY
from muster.model import Claim, Outcome, Status

#: A launched task has to take its claim over within this: an image is pulled and a container started.
LONGEST_START = timedelta(minutes=5)

#: When a claim may be tried again that could not be launched.
LAUNCH_AGAIN = timedelta(seconds=20)

#: Without any wait.
NOW = timedelta(0)

#: How often it is looked whether a claim was taken over, in seconds.
LOOK = 0.2


class Launching:
    """Threads that launch; each has one message until its task has taken it over.

    Args:
        settle: takes the outcome of what is not launched.
        instance_id: under which this process has claimed.
    """

    def __init__(
        self,
        *,
        launcher: Launcher,
        holdings: Holdings,
        slots: SlotKeeper,
        settle: Callable[[Holding, Outcome], None],
        instance_id: str,
        clock: Clock,
        telling: Telling,
        longest_start: timedelta = LONGEST_START,
    ) -> None:
        self._launcher = launcher
        self._holdings = holdings
        self._slots = slots
        self._settle = settle
        self._instance_id = instance_id
        self._clock = clock
        self._telling = telling
        self._longest_start = longest_start.total_seconds()
        self._never = threading.Event()
        self._ready: Ready[Sequence[Holding]] = Ready()

    def put(self, messages: Sequence[Sequence[Holding]]) -> None:
        """Launch one task for the jobs of each of these messages."""
        self._ready.put(*messages)

    def timeout_outcome(self, claim: Claim) -> Outcome:
        """Nothing runs here that could take too long; what was not launched yet is handed back."""
        return _given_back(claim, delay=NOW)

    def run(self) -> None:
        """Launch until the process ends."""
        while True:
            self._message(self._ready.get())

    def _message(self, holdings: Sequence[Holding]) -> None:
        launched: list[Holding] = []
        for holding in holdings:
            rejection = holding.arrival.rejection
            if rejection is not None:
                self._end(
                    holding,
                    Outcome(
                        claim=holding.claim, status=Status.FAILED, kind="failed", error=rejection
                    ),
                )
            elif holding.stop is not None:
                self._end(holding, stopped(holding))
            else:
                launched.append(holding)
        if not launched:
            return
        errand = self._errand(launched)
        if not errand.fits:
            launched, errand = self._as_many_as_fit(launched)
        try:
            self._launcher.launch(errand)
        except LaunchFailed as failed:
            self._telling.trouble("no task was launched, the job is given back", failed)
            for holding in launched:
                self._end(holding, _given_back(holding.claim))
        else:
            self._wait_for(launched)

    def _errand(self, holdings: Sequence[Holding]) -> Errand:
        return Errand.of(
            holdings,
            holder=self._slots.holder(holdings[0].parcel),
            launcher=self._instance_id,
        )

    def _as_many_as_fit(self, holdings: list[Holding]) -> tuple[list[Holding], Errand]:
        """The first of these and their errand; the others are given back, and the relay sends each by itself.

        They must not come back with this message: it is the task's, which deletes it.
        """
        many = len(holdings) - 1
        while many > 1 and not self._errand(holdings[:many]).fits:
            many -= 1
        for holding in holdings[many:]:
            self._end(
                holding,
                _given_back(holding.claim, "more than one task can be told", delay=NOW, relay=NOW),
            )
        return holdings[:many], self._errand(holdings[:many])

    def _wait_for(self, holdings: Sequence[Holding]) -> None:
        for holding in holdings:
            holding.launched = True
        until = self._clock.monotonic() + self._longest_start
        while any(h.stop is None for h in holdings) and self._clock.monotonic() < until:
            self._never.wait(LOOK)
        # The slot is the task's: should the task never have begun, it ends by itself.
        self._slots.forget(holdings[0].parcel)
        for holding in holdings:
            if holding.stop is None:
                self._telling.phase("a launched task did not begin", job=holding.claim.job_id)
                self._end(holding, _given_back(holding.claim))
            else:
                # Whatever stopped it here, the task hears of it at its own renewal, or finds the claim gone.
                self._end(holding, None)

    def _end(self, holding: Holding, outcome: Outcome | None) -> None:
        self._holdings.ended(holding)
        if outcome is None:
            self._holdings.abandon(holding)
        else:
            self._settle(holding, outcome)


def _given_back(
    claim: Claim,
    reason: str = "no task was launched",
    *,
    delay: timedelta = LAUNCH_AGAIN,
    relay: timedelta = HAND_BACK_RELAY,
) -> Outcome:
    return Outcome(
        claim=claim,
        status=Status.PENDING,
        kind="handed_back",
        delay=delay,
        relay_delay=delay + relay,
        refund=True,
        reason=reason,
    )
