"""Chaos for listeners: thousands of jobs while processes die, freeze and leave, and what they need fails."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields

import psycopg2

from local.postgres import Postgres
from muster.contracts import KEEP_DAYS, DispatcherEnvironment
from muster.fleet_settings import FleetSettings
from tests.support.clerk import query
from tests.support.listener_process import ROOT, ListenerProcess
from tests.support.listening import SECRET, Rig
from tests.support.waiting import wait_until

#: Listeners that serve the agent at any time, the frozen ones included.
LISTENERS = 3
#: Jobs sent in each round.
PER_ROUND = 40
#: Length of a hold: short, so that many end meanwhile.
HOLD = 4
#: A tick of the dispatcher every so many seconds.
TICK = 5
_FAULTS = ("503 ServiceUnavailable", "400 RequestThrottled", "reset", "lost")
_CALLS = ("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "*")


class Soak:
    """One run; everything that is random comes from the seed."""

    def __init__(self, *, rig: Rig, postgres: Postgres, seed: int) -> None:
        self._rig = rig
        self._postgres = postgres
        self._random = random.Random(seed)
        self._listeners: list[ListenerProcess] = []
        self._frozen: list[tuple[float, ListenerProcess]] = []
        self._faulty_until = 0.0
        self._database_back_at: float | None = None
        self._numbers = iter(range(1, 1 << 30))
        self._jobs: dict[str, dict[str, object]] = {}
        self._dispatcher = self._start_dispatcher()
        #: What was done how often.
        self.done: Counter[str] = Counter()

    def run(self, *, seconds: float, jobs: int = 0) -> None:
        """Send jobs and break things for so long, and so often, then mend everything and wait for rest."""
        self._rig.agent(retries=60)
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.done["jobs"] < jobs:
            self._keep_listening()
            self._send()
            deed = self._random.choices(self._deeds(), weights=(3, 3, 3, 5, 3, 3))[0]
            deed()
            self._pass(self._random.uniform(0.3, 1.2))
        self._mend()
        self._keep_listening()
        wait_until(lambda: not self._unrest(), within=600, every=0.5)

    def close(self) -> None:
        """End the dispatcher; the rig ends the listeners."""
        self._dispatcher.kill()
        self._dispatcher.wait()

    def problems(self) -> list[str]:
        """What is wrong at the end; what was told to end, or killed, may have a moment for it."""
        with suppress(AssertionError):
            wait_until(lambda: not self._leaks())
        return [*self._rig.problems(), *self._effect_problems(), *self._leaks()]

    # --- what breaks ---

    def _deeds(self) -> tuple[Callable[[], None], ...]:
        return (
            self._kill,
            self._leave,
            self._freeze,
            self._break_sqs,
            self._crash_database,
            self._repeat,
        )

    def _kill(self) -> None:
        self._note("killed")
        self._listeners.pop(self._random.randrange(len(self._listeners))).kill()

    def _leave(self) -> None:
        self._note("told to end")
        gone = self._listeners.pop(self._random.randrange(len(self._listeners)))
        gone.signal(signal.SIGTERM)
        if self._random.random() < 0.3:
            gone.signal(signal.SIGTERM)

    def _freeze(self) -> None:
        self._note("frozen")
        cold = self._listeners.pop(self._random.randrange(len(self._listeners)))
        cold.signal(signal.SIGSTOP)
        until = time.monotonic() + self._random.uniform(0.5, 2.5) * HOLD
        self._frozen.append((until, cold))

    def _break_sqs(self) -> None:
        self._note("SQS failed")
        self._rig.sqs.fail(self._random.choice(_CALLS), self._random.choice(_FAULTS))
        self._faulty_until = time.monotonic() + self._random.uniform(0.5, 3)

    def _crash_database(self) -> None:
        if self._database_back_at is None:
            self._note("Postgres crashed")
            self._postgres.stop(immediate=True)
            self._database_back_at = time.monotonic() + self._random.uniform(0.2, 2 * HOLD)

    def _repeat(self) -> None:
        """Some jobs are sent again, under other message ids."""
        self._note("jobs repeated")
        for job_id in self._random.sample(sorted(self._jobs), k=min(20, len(self._jobs))):
            self._rig.send(job_id, **self._jobs[job_id])

    def _note(self, deed: str) -> None:
        self.done[deed] += 1

    # --- what goes on ---

    def _send(self) -> None:
        for _ in range(PER_ROUND):
            job_id = f"job-{next(self._numbers)}"
            self._jobs[job_id] = self._random.choice(
                (
                    {"do": "effect"},
                    {"do": "effect"},
                    {"do": "second"},
                    {"do": "fail"},
                    {"do": "sleep", "seconds": self._random.uniform(0.05, 0.5)},
                    {"do": "steps", "steps": 5, "seconds": 0.05},
                )
            )
            self._rig.send(job_id, **self._jobs[job_id])
            self.done["jobs"] += 1
        if self._random.random() < 0.1:
            job_id = f"long-{next(self._numbers)}"
            self._jobs[job_id] = {"do": "steps", "steps": 40, "seconds": 0.3}
            self._rig.send(job_id, **self._jobs[job_id])
            self.done["long jobs"] += 1

    def _keep_listening(self) -> None:
        self._listeners = [each for each in self._listeners if each.process.poll() is None]
        while len(self._listeners) < LISTENERS:
            transport = self._random.choice(("fast", "boto3"))
            self._listeners.append(
                self._rig.start(
                    ready=False,
                    hold=HOLD,
                    concurrency="8",
                    drain_seconds="2",
                    transport=transport,
                )
            )

    def _pass(self, seconds: float) -> None:
        """Let time pass, and what was broken for a while come back."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for until, cold in list(self._frozen):
                if now >= until:
                    self._thaw(until, cold)
            if self._faulty_until and now >= self._faulty_until:
                self._faulty_until = 0.0
                self._rig.sqs.mend()
            if self._database_back_at is not None and now >= self._database_back_at:
                self._database_back_at = None
                self._postgres.start()
            time.sleep(0.05)

    def _thaw(self, until: float, cold: ListenerProcess) -> None:
        self._frozen.remove((until, cold))
        cold.signal(signal.SIGCONT)
        self._listeners.append(cold)

    def _mend(self) -> None:
        for until, cold in list(self._frozen):
            self._thaw(until, cold)
        self._rig.sqs.mend()
        if self._database_back_at is not None:
            self._database_back_at = None
            self._postgres.start()

    def _start_dispatcher(self) -> subprocess.Popen[bytes]:
        known = {
            "stage": "soak",
            "database_secret": SECRET,
            "database_tls": "disable",
            "fleet": FleetSettings().to_json(),
            "keep_days": str(KEEP_DAYS),
            "event_hints": "no",
            "allow_external_requests": "no",
            "outbound": '{"addresses": [], "ports": []}',
        }
        told = {
            DispatcherEnvironment.variable(field.name): known.get(field.name, "")
            for field in fields(DispatcherEnvironment)
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.dispatching", str(TICK)],
            cwd=ROOT,
            env={**os.environ, **self._rig.aws(), **told},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    # --- what must hold ---

    def _unrest(self) -> list[str]:
        try:
            return self._rig.unrest()
        except psycopg2.Error:
            self._rig.look_anew()
            return ["the database was away"]

    def _effect_problems(self) -> list[str]:
        """I2: what is completed had all its effects, and no attempt too many had any."""
        rows = query(self._rig.url, "SELECT job_id, status, fence FROM agent_job_execution")
        effects: dict[str, dict[int, int]] = {}
        for row in query(self._rig.url, "SELECT job_id, step, times FROM probe_effect"):
            effects.setdefault(row["job_id"], {})[row["step"]] = row["times"]
        problems: list[str] = []
        for row in rows:
            job, steps = row["job_id"], effects.get(row["job_id"], {})
            made = {step: times for step, times in steps.items() if step >= 0}
            wanted = int(str(self._jobs[job].get("steps", 1)))
            fails = self._jobs[job]["do"] == "fail"
            if row["status"] != ("failed" if fails else "completed"):
                problems.append(f"{job} is {row['status']}")
            elif not fails and set(made) != set(range(wanted)):
                problems.append(f"{job} has the effects {made}")
            # An attempt that was cut off between an effect and its record may repeat that one.
            if sum(made.values()) > wanted + row["fence"] - 1:
                problems.append(f"{job}: {made} in {row['fence']} claims")
        return problems

    def _leaks(self) -> list[str]:
        """I8: no listener has more connections than its share."""
        [row] = query(
            self._rig.url,
            "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'muster'",
        )
        alive = sum(each.process.poll() is None for each in self._listeners)
        return [f"{row['n']} sessions of {alive} listeners"] if row["n"] > 4 * alive + 2 else []
