"""Processes that do the same at the very same moment, round after round."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from muster.store.ledger import Ledger
from tests.support.clerk import MINUTE, claimant, database_of, delivery

#: A batch as job and message ids.
Batch = Sequence[tuple[str, str]]

#: Longest round, in seconds, the start of all processes included.
_ROUND = 600


#: What a process does: database URL, its number, the barrier that starts a round, its end of the pipe.
Life = Callable[[str, int, Any, Connection], None]


class Racers:
    """`count` real processes; `race` gives each its part of a round, and a barrier starts them.

    Left alone they claim: their parts are batches, their answers verdicts.
    """

    def __init__(self, url: str, *, count: int, life: Life | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier = barrier = context.Barrier(count)  # lives until the last child has it
        pipes = [context.Pipe() for _ in range(count)]
        self._ends = [ours for ours, _ in pipes]
        self._processes = [
            context.Process(
                target=life or _claim_rounds, args=(url, number, barrier, theirs), daemon=True
            )
            for number, (_, theirs) in enumerate(pipes)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def race(self, parts: Sequence[Any]) -> list[Any]:
        """All processes begin at once, each with its part; their answers."""
        for end, part in zip(self._ends, parts, strict=True):
            end.send(part)
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

    def _answer(self, end: Connection) -> Any:
        assert end.poll(_ROUND), "a racer did not answer"
        return end.recv()


def rounds(barrier: Any, end: Connection) -> Iterator[Any]:
    """The parts that a process is given, each once all the others have theirs."""
    while (part := end.recv()) is not None:
        barrier.wait(_ROUND)
        yield part


def _claim_rounds(url: str, _number: int, barrier: Any, end: Connection) -> None:
    database = database_of(url)
    ledger = Ledger(database)
    batch: Batch
    for batch in rounds(barrier, end):
        deliveries = [delivery(job, message) for job, message in batch]
        judgements = ledger.claim(deliveries, claimant=claimant(), lease=MINUTE)
        end.send([judgement.verdict for judgement in judgements])
    database.close()
