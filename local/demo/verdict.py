"""Whether every job became what it had to become: a pure comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from local.demo.job import PlannedJob
from local.demo.records import Record
from local.demo.scene import Scene
from muster.letters.peek import DeadLetter

#: Half of the jobs waiting longer, in milliseconds, is no machine on which one job can be seen to overtake
#: another, and a message may be sent again because nobody has taken it in time.
BUSY_MS = 30_000


def judged(scenes: Sequence[Scene]) -> dict[str, Any]:
    """Whether all is as it must be, and a line for everything that is not."""
    wrong = [problem for scene in scenes for problem in scene.problems()]
    return {"ok": not wrong, "problems": wrong}


def busy(latency: float | None) -> bool:
    """Whether the machine was too busy to judge what is timed.

    Args:
        latency: milliseconds that half of the jobs waited at most.
    """
    return latency is not None and latency > BUSY_MS


def problems(
    jobs: Sequence[PlannedJob], *, records: Sequence[Record], dead: Sequence[DeadLetter]
) -> list[str]:
    """One line for everything that is not as it must be."""
    return [
        f"{job.agent} {job.job_id} ({job.what}): {problem}"
        for job in jobs
        for problem in _problems(job, records=records, dead=dead)
    ]


def _problems(
    job: PlannedJob, *, records: Sequence[Record], dead: Sequence[DeadLetter]
) -> Iterator[str]:
    mine = [r for r in records if (r.agent_id, r.job_id) == (job.agent, job.job_id)]
    if len(mine) != 1:
        yield f"has {len(mine)} executions instead of 1"
        return
    record = mine[0]
    if record.status is not job.status:
        yield f"is {record.status} instead of {job.status}: {record.error}"
    if job.attempts is not None and record.attempts != job.attempts:
        yield f"took {record.attempts} attempts instead of {job.attempts}"
    if record.duplicates != job.copies - 1:
        yield f"counts {record.duplicates} duplicates instead of {job.copies - 1}"
    result = record.result or {}
    for key, value in job.result.items():
        if result.get(key) != value:
            yield f"result has {key} = {result.get(key)!r} instead of {value!r}"
    yield from _letter_problems(job, record=record, dead=dead)


def _letter_problems(
    job: PlannedJob, *, record: Record, dead: Sequence[DeadLetter]
) -> Iterator[str]:
    letters = [letter for letter in dead if letter.execution_id == record.execution_id]
    if job.reason is None:
        if letters:
            yield f"is in the dead-letter queue: {letters[0].reason}"
    elif len(letters) != 1:
        yield f"is {len(letters)} times in the dead-letter queue instead of once"
    elif not letters[0].reason.startswith(job.reason):
        yield f"died of {letters[0].reason!r} instead of {job.reason!r}"


def executions(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Number of executions by agent and state."""
    counted = Counter((record.agent_id, str(record.status)) for record in records)
    by_agent: dict[str, dict[str, int]] = {}
    for (agent, status), number in sorted(counted.items()):
        by_agent.setdefault(agent, {})[status] = number
    return by_agent


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not exceed (nearest rank); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return round(ordered[int(rank) - 1], 1)
