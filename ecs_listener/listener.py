"""One listener: its threads, and its life from start to hand-back.

polling -> intake (claim) -> running -> settlement -> disposal (delete, return)
└-> burying (dead letters)
beside them: renewal (leases, visibility), presence (heartbeat), supervision (the main thread)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from ecs_listener.health import Health
from ecs_listener.holding import StopReason
from ecs_listener.lane_state import LaneState
from ecs_listener.parts import Parts
from ecs_listener.running import stopped
from ecs_listener.telling import Telling
from muster.clock import Clock
from muster.model import Message, Outcome, Status

#: Exit codes: the end that was asked for; this process cannot go on and wants to be replaced.
WELL, REPLACE = 0, 70

#: How often running jobs are looked at, in seconds.
LOOK = 0.5

#: A part that was not seen for so long, in seconds, or for a lease, hangs.
SILENCE = 30.0

#: How often counts are passed on, in seconds.
MINUTE = 60.0

#: At the end, in seconds: for jobs that are told to stop, for their hand-back to be written, for messages to
#: be returned, and for saying that the process is gone. Together they fit what ECS leaves after the drain.
STOP_SECONDS = 4.0
WRITE_SECONDS = 3.0
RETURN_SECONDS = 3.0
LEAVE_SECONDS = 4.0

#: What does not stop may start elsewhere after this: by then this process is gone.
AFTER_THE_END = timedelta(seconds=WRITE_SECONDS + RETURN_SECONDS + LEAVE_SECONDS + 1)

#: Outcomes, dead letters and deletes that may wait before nothing more is received.
MOST_UNSETTLED = 1000


class Listener:
    """Runs the parts until it is told to end, or has to.

    Args:
        room: jobs at once.
        drain: after which what still runs is handed back, once the end was asked for.
        each_minute: passes on what was counted.
    """

    def __init__(
        self,
        *,
        parts: Parts,
        room: int,
        drain: timedelta,
        clock: Clock,
        telling: Telling,
        each_minute: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._room = room
        self._drain = drain.total_seconds()
        self._clock = clock
        self._telling = telling
        self._each_minute = each_minute
        self._minute = clock.monotonic()
        self._event = threading.Event()
        self._attended = threading.Event()
        self._signals = 0
        self._draining = self._superseded = False
        self._broken: str | None = None
        self._threads, self._begun = list[threading.Thread](), 0

    def signal(self) -> None:
        """The first asks to drain, the second to hand back at once. Called by a signal handler."""
        self._signals += 1
        self._event.set()

    def run(self) -> int:
        """Work until the end; the exit code of the process."""
        self._start()
        self._telling.phase("listener is running", concurrency=self._room)
        while not self._signals and not self._broken and not self._parts.supervision.stuck:
            self._event.wait(LOOK)
            self._look()
        return self._end()

    def may_receive(self) -> bool:
        """Whether another message may be asked for."""
        parts = self._parts
        return (
            not self._draining
            and not self._superseded
            and parts.breaker.closed
            and parts.protection.ready()
            and parts.settlement.waiting < MOST_UNSETTLED
            and parts.disposal.waiting < MOST_UNSETTLED
            and len(parts.holdings) < self._room + MOST_UNSETTLED
        )

    def take(self, lane: LaneState, messages: Sequence[Message], now: float) -> None:
        """Messages came that may start."""
        parts = self._parts
        parcels = parts.holdings.receive(
            messages,
            lane=lane.name,
            queue_url=lane.queue_url,
            visible_at=now + parts.renewal.hold_seconds,
        )
        if parts.protection.hold():
            parts.intake.put(parcels)
        else:
            for parcel in parcels:
                parts.holdings.put_back(parcel)

    def surplus(self, lane: LaneState, messages: Sequence[Message], _now: float) -> None:
        """Messages came that may not start: others may have them at once."""
        self._telling.surplus(lane.name, len(messages))
        for message in messages:
            self._parts.disposal.show(lane.queue_url, message.receipt_handle, after=timedelta(0))

    def health(self) -> Health:
        """How it is now."""
        parts = self._parts
        # One that is about to start is not alive either, and nothing is wrong with it.
        dead = [thread.name for thread in self._threads[: self._begun] if not thread.is_alive()]
        silent = [f"{name} is silent" for name in self._silent()]
        problems = silent + [f"{name} has ended" for name in dead if not self._draining]
        problems += [f"lane {lane}: {why}" for lane, why in sorted(parts.polling.problems.items())]
        if parts.breaker.problem:
            problems.append(parts.breaker.problem)
        if not parts.protection.ready():
            problems.append("no scale-in protection")
        return Health(
            instance_id=parts.presence.instance.instance_id,
            alive=self._broken is None and (self._draining or not (dead or silent)),
            ready=not problems and self.may_receive(),
            is_leader=parts.presence.leads,
            problems=tuple(problems),
            details={
                "agent": parts.presence.instance.agent_id,
                "version": parts.presence.instance.version,
                "draining": self._draining or self._superseded,
                "running": parts.holdings.running,
                "held": len(parts.holdings),
                "concurrency": self._room,
            },
        )

    def _silent(self) -> list[str]:
        """Parts without which leases end unnoticed, and which have not been seen for longer than one."""
        parts = self._parts
        seen = {"supervision": parts.supervision.looked_at, "renewal": parts.renewal.looked_at}
        since = self._clock.monotonic() - max(SILENCE, parts.renewal.hold_seconds)
        return [name for name, at in seen.items() if at < since]

    def _start(self) -> None:
        parts = self._parts
        threading.excepthook = self._died
        parts.disposal.start(self._spawn)
        for name, work in (
            ("renewal", parts.renewal.run),
            ("visibility", parts.renewal.run_visibility),
            ("settlement", parts.settlement.run),
            ("burying", parts.burying.run),
            ("intake", parts.intake.run),
            ("presence", parts.presence.run),
            ("attendance", self._attend),
        ):
            self._spawn(name, work)
        for number in range(self._room):
            self._spawn(f"job-{number}", parts.running.run)
        for number in range(parts.polling.threads(room=self._room)):
            self._spawn(f"polling-{number}", parts.polling.run)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        # Daemons: the process ends when its jobs are safe, whatever some thread still waits for.
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        self._begun += 1

    def _died(self, args: threading.ExceptHookArgs) -> None:
        """A thread ended by an error that nothing expected: no listener goes on without one of its parts."""
        name = args.thread.name if args.thread else "a thread"
        if args.thread not in self._threads:
            self._telling.stray(name, args.exc_value)
            return
        self._broken = f"{name}: {args.exc_type.__name__}: {args.exc_value}"
        self._telling.broken(name, args.exc_value)
        self._event.set()

    def _attend(self) -> None:
        """What may have to wait for somebody outside, apart from the supervision of the jobs."""
        parts = self._parts
        while not self._attended.wait(LOOK):
            parts.slots.look()
            busy = len(parts.holdings) > 0
            was_ready = parts.protection.ready()
            parts.protection.look(busy=busy)
            if parts.protection.ready() is not was_ready:
                parts.polling.look()
            if busy or self._superseded:
                self._look_for_newer()

    def _look_for_newer(self) -> None:
        superseded = self._parts.deployment.superseded()
        if superseded is self._superseded:
            return
        self._superseded = superseded
        self._telling.phase(
            "a newer deployment has begun: no more work is taken"
            if superseded
            else "the newer deployment is gone: work is taken again"
        )
        self._parts.polling.look()

    def _look(self) -> None:
        self._parts.supervision.look()
        if (now := self._clock.monotonic()) - self._minute >= MINUTE:
            self._minute = now
            self._each_minute()

    def _end(self) -> int:
        parts = self._parts
        stuck = bool(parts.supervision.stuck)
        self._draining = True
        self._telling.phase("draining", held=len(parts.holdings))
        parts.polling.end()
        parts.presence.drain()
        if self._broken is None:
            self._wait(self._drain, until=lambda: self._signals > 1)
        parts.intake.refuse()
        self._hand_back()
        parts.settlement.end(give_up=True)
        parts.burying.end()
        parts.disposal.finish(RETURN_SECONDS)
        self._leave()
        self._each_minute()
        code = REPLACE if stuck or self._broken else WELL
        self._telling.phase("ended", code=code, held=len(parts.holdings))
        return code

    def _leave(self) -> None:
        """Give slots back and deregister, unless the ledger takes too long: both end by themselves."""
        parts = self._parts
        leaving = threading.Thread(
            target=lambda: (parts.slots.end(), parts.presence.leave()), name="leaving", daemon=True
        )
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    def _wait(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Wait until nothing is held that will still end by itself; false when that took too long."""
        parts = self._parts
        end = self._clock.monotonic() + seconds
        while not until() and self._clock.monotonic() < end:
            parts.supervision.look()
            stuck = {holding.parcel for holding in parts.supervision.stuck}
            if len(parts.holdings) <= len(stuck):
                return True
            parts.holdings.wait_until_fewer(min(LOOK, max(0.0, end - self._clock.monotonic())))
        return False

    def _hand_back(self) -> None:
        """Stop what still runs and give it back; what does not stop is given back as the process ends."""
        parts = self._parts
        # No slot is given back from here on while a function may still run that had it.
        self._attended.set()
        self._wait(STOP_SECONDS, until=self._stop_all)
        for holding in parts.holdings.holdings():
            if not holding.ended:
                outcome = stopped(holding, timeout=self._parts.running.timeout_outcome)
                if outcome is not None:
                    parts.settlement.put(holding, _after_the_end(outcome))
        parts.holdings.wait_until_empty(WRITE_SECONDS)

    def _stop_all(self) -> bool:
        """Also what was being claimed meanwhile: so there is never enough of it."""
        now = self._clock.monotonic()
        for holding in self._parts.holdings.holdings():
            if self._parts.holdings.stop(holding, StopReason.HAND_BACK, now=now):
                self._telling.stopping(holding.claim, StopReason.HAND_BACK)
        return False


def _after_the_end(outcome: Outcome) -> Outcome:
    """Nobody shall start a job while its function still runs here, against every wish."""
    if outcome.status is not Status.PENDING:
        return outcome
    return replace(outcome, delay=max(outcome.delay, AFTER_THE_END))
