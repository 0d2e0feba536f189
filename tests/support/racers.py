"""Processes that claim at the very same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from muster.model import Verdict
from muster.store.ledger import Ledger
from tests.support.clerk import MINUTE, claimant, database_of, delivery

#: A batch as job and message ids.
Batch = Sequence[tuple[str, str]]

#: Longest round, in seconds.
_ROUND = 30


class Racers:
    """`count` real processes with a connection each; `race` gives each a batch; a barrier starts them."""

    def __init__(self, url: str, *, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier = barrier = context.Barrier(count)  # lives until the last child has it
        pipes = [context.Pipe() for _ in range(count)]
        self._ends = [ours for ours, _ in pipes]
        self._processes = [
            context.Process(target=_claim_rounds, args=(url, barrier, theirs), daemon=True)
            for _, theirs in pipes
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def race(self, batches: Sequence[Batch]) -> list[list[Verdict]]:
        """All processes claim at once, each its own batch; their verdicts."""
        for end, batch in zip(self._ends, batches, strict=True):
            end.send(batch)
        return [self._answer(end) for end in self._ends]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join(_ROUND)
            process.kill()
            process.join()
        for end in self._ends:
            end.close()

    def _answer(self, end: Connection) -> list[Verdict]:
        assert end.poll(_ROUND), "a racer did not answer"
        return end.recv()


def _claim_rounds(url: str, barrier: Any, end: Connection) -> None:
    database = database_of(url)
    ledger = Ledger(database)
    while (batch := end.recv()) is not None:
        deliveries = [delivery(job, message) for job, message in batch]
        barrier.wait(_ROUND)
        judgements = ledger.claim(deliveries, claimant=claimant(), lease=MINUTE)
        end.send([judgement.verdict for judgement in judgements])
    database.close()
