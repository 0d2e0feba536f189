"""Processes of one agent whose jobs are counted by slots, and a way to see whether two run at once.

A job tries a lock that only one session can have, so it knows whether it is alone.
"""

from __future__ import annotations

import json
import random
from contextlib import closing
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import psycopg2

from muster.clock import SystemClock
from muster.execution.disposition import Fate
from muster.job import Job
from muster.model import Message
from tests.support.gated import GatedWorker
from tests.support.racers import rounds
from tests.support.worker import Workshop

#: Lanes of the agent; each has two processes.
LANES = ("urgent", "normal", "low")
WORKERS = 2 * len(LANES)

_LOCK = 4711
_clock = SystemClock()


class _Quiet(Workshop):
    """A workshop on a database that is set up already."""

    def _set_up(self) -> None:
        """Nothing: the founder did it."""


def counted_worker(
    url: str, number: int, barrier: Any, end: Connection, *, capacity: int = 1
) -> None:
    """A worker of a lane: its part of a round are job ids, its answer how often a job was not alone."""
    with closing(psycopg2.connect(url)) as looking:
        looking.autocommit = True
        crowded: list[str] = []
        shop = _Quiet(url, behaviour=partial(_job, looking, crowded))
        lane = LANES[number % len(LANES)]
        worker = GatedWorker(shop, lane=lane, capacity=capacity, clock=_clock, jitter=_eager)
        for jobs in rounds(barrier, end):
            crowded.clear()
            _process(worker, [_message(job, lane) for job in jobs])
            end.send(list(crowded))
        shop.close()


def flooded_worker(url: str, number: int, barrier: Any, end: Connection) -> None:
    """A worker of a lane whose jobs take a third of a second, for as many seconds as its part says.

    Its lane never runs out of messages, but `low` gets the next only when the last is done. The answer is
    the seconds that each of its messages waited for its start.
    """
    lane = LANES[number % len(LANES)]
    starts: list[float] = []
    shop = _Quiet(url, behaviour=lambda _: _work(starts))
    worker = GatedWorker(shop, lane=lane, clock=_clock)
    for seconds in rounds(barrier, end):
        sent: list[float] = []
        until = _clock.monotonic() + seconds
        while _clock.monotonic() < until:
            sent.append(_clock.monotonic())
            job = f"{number}-{len(sent)}"
            if lane == "low":
                _process(worker, [_message(job, lane)])
            else:
                _flood(worker, _message(job, lane), starts)
        begun = len(starts)
        end.send([start - at for start, at in zip(starts, sent[:begun], strict=True)])
    shop.close()


def _flood(worker: GatedWorker, message: Message, starts: list[float]) -> None:
    """One of very many messages: when it goes back, the next one is at hand at once."""
    begun = len(starts)
    while len(starts) == begun:
        worker.process([message], time_left=timedelta(minutes=2))


def _work(starts: list[float]) -> None:
    starts.append(_clock.monotonic())
    _clock.sleep(0.33)


def _eager() -> float:
    """To ask a few times more often than deployed workers: more of them meet, and rounds end sooner."""
    return random.uniform(0.1, 0.2)


def _job(looking: Any, crowded: list[str], job: Job) -> None:
    with looking.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s), pg_sleep(0.001)", (_LOCK,))
        alone = cursor.fetchone()[0]
        if alone:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        else:
            crowded.append(job.id)


def _process(worker: GatedWorker, messages: list[Message]) -> None:
    """As its queue would: deliver again what comes back, when it comes back."""
    while messages:
        fates = worker.process(messages, time_left=timedelta(minutes=2))
        messages = [m for m in messages if fates[m.message_id].fate is not Fate.ACKNOWLEDGE]
        if messages:
            _clock.sleep(max(fates[m.message_id].after for m in messages).total_seconds())


def _message(job_id: str, lane: str) -> Message:
    body = {"muster": 1, "job_id": job_id, "params": {}, "priority": lane}
    return Message(
        message_id=f"m-{job_id}",
        receipt_handle=f"r-{job_id}",
        body=json.dumps(body),
        sent_at=_clock.now(),
    )
