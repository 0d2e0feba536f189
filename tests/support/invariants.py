"""What must be true of ledger and queues after every fault, whatever happened (I1 to I4).

Each function answers with sentences about what is wrong, so that a failing test names every problem.
I5 (recovery is bounded) is the deadline of the test that waits; I6 (neighbours are not harmed) is looked
at where there are neighbours; I7 and I8 have their own checkers below.
"""

from __future__ import annotations

import gc
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.clerk import query

#: A database URL, or what runs statements on an open connection (quicker where it is asked often).
Source = str | Callable[[str], list[dict[str, Any]]]

#: What may follow what; a redrive is the only way out of a terminal state.
LEGAL = {
    (None, "pending"),
    (None, "running"),
    (None, "cancelled"),
    ("pending", "running"),
    ("pending", "cancelled"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "pending"),
    ("failed", "pending"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What lies in the queues."""

    #: Job ids of the messages in the lane, hidden ones included.
    lane: Collection[str] = ()
    #: `execution:fence` of every dead letter, copies included.
    letters: Collection[str] = ()


def nothing_lost(
    source: Source, *, accepted: Iterable[str], queued: Queued, at_rest: bool = False
) -> list[str]:
    """I1: every accepted job has one row, or still lies in the queue; every failure has its letter.

    Args:
        at_rest: nothing may be on its way any more: all rows are terminal and all letters sent.
    """
    rows = _look(
        source,
        "SELECT job_id, execution_id, fence, status, relay_after, lease_expires_at, dlq_pending,"
        " completed_at FROM agent_job_execution",
    )
    count = Counter(row["job_id"] for row in rows)
    problems = [f"{job}: {count[job]} rows" for job in accepted if count[job] > 1]
    problems += [
        f"{job}: neither row nor message"
        for job in accepted
        if not count[job] and job not in queued.lane
    ]
    failures = {f"{r['execution_id']}:{r['fence']}" for r in rows if r["status"] == "failed"}
    problems += [f"letter {x} without its failure" for x in set(queued.letters) - failures]
    for row in rows:
        problems += _row_problems(row, queued, at_rest=at_rest)
    if at_rest:
        problems += [f"{job}: still in the lane" for job in queued.lane]
    return problems


def _look(source: Source, statement: str) -> list[dict[str, Any]]:
    return query(source, statement) if isinstance(source, str) else source(statement)


def _row_problems(row: dict[str, Any], queued: Queued, *, at_rest: bool) -> list[str]:
    job, status = row["job_id"], row["status"]
    problems: list[str] = []
    if status == "pending" and row["relay_after"] is None:
        problems.append(f"{job}: pending, and nothing will send it again")
    if status == "running" and row["lease_expires_at"] is None:
        problems.append(f"{job}: running without a lease")
    letter = f"{row['execution_id']}:{row['fence']}"
    if status == "failed" and not row["dlq_pending"] and letter not in queued.letters:
        problems.append(f"{job}: failed without a dead letter")
    if status != "failed" and row["dlq_pending"]:
        problems.append(f"{job}: owes a dead letter, but is {status}")
    if status in ("completed", "failed", "cancelled") and row["completed_at"] is None:
        problems.append(f"{job}: {status} at no time")
    if at_rest and (status in ("pending", "running") or row["dlq_pending"]):
        problems.append(f"{job}: not at rest ({status}, dlq_pending {row['dlq_pending']})")
    return problems


def effects_once(source: Source, *, repeats: Collection[str] = ()) -> list[str]:
    """I2: every completed job had its effect, and only once.

    Args:
        repeats: jobs whose attempt was cut off between its effect and its settlement; the unique key of
            the effect is then what makes the second run harmless.
    """
    rows = _look(
        source,
        "SELECT e.job_id, e.status, f.times FROM agent_job_execution e"
        " FULL JOIN effect f ON f.job_id = e.job_id",
    )
    problems: list[str] = []
    for row in rows:
        job, status, times = row["job_id"], row["status"], row["times"]
        if status is None:
            problems.append("an effect of a job that is not recorded")
        if status == "completed" and times is None:
            problems.append(f"{job}: completed without its effect")
        if times is not None and times > 1 and job not in repeats:
            problems.append(f"{job}: its effect was made {times} times")
    return problems


def history_holds(source: Source) -> list[str]:
    """I3, I4: the log is a legal history of each row, and only the highest fence moved it."""
    # Rows and log in one look: between two of them a worker that still works would move on.
    looked = _look(
        source,
        "SELECT r.execution_id, r.job_id, r.status, r.fence AS row_fence,"
        " e.kind, e.from_status, e.to_status, e.fence"
        " FROM agent_job_execution r LEFT JOIN execution_event e USING (execution_id) ORDER BY e.id",
    )
    rows = {one["execution_id"]: one for one in looked}
    history: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in looked:
        if one["kind"] is not None:
            history[one["execution_id"]].append(one)
    return [
        f"{row['job_id']}: {problem}"
        for execution_id, row in rows.items()
        for problem in _history_problems(history[execution_id], row)
    ]


def _history_problems(events: list[dict[str, Any]], row: dict[str, Any]) -> Iterable[str]:
    moves = [event for event in events if event["from_status"] != event["to_status"]]
    if not moves:
        return
    if moves[-1]["to_status"] != row["status"]:
        yield f"the log ends in {moves[-1]['to_status']}, the row is {row['status']}"
    yield from _illegal_moves(moves)
    claims = [event["fence"] for event in moves if event["kind"] == "claimed"]
    if any(later <= earlier for earlier, later in pairwise(claims)):
        yield f"claims under fences {claims}"
    if claims and claims[-1] != row["row_fence"]:
        yield f"the row's fence is {row['row_fence']}, the last claim's {claims[-1]}"
    yield from _usurpations(moves)


def _illegal_moves(moves: list[dict[str, Any]]) -> Iterable[str]:
    for event in moves:
        move = (event["from_status"], event["to_status"])
        if move not in LEGAL or (move[0] == "failed" and event["kind"] != "redriven"):
            yield f"illegal {event['kind']} {move}"
    for former, event in pairwise(moves):
        if event["from_status"] != former["to_status"]:
            yield f"{event['kind']} from {event['from_status']} after {former['to_status']}"
        if event["fence"] < former["fence"]:
            yield f"the fence fell from {former['fence']} to {event['fence']}"


def _usurpations(moves: list[dict[str, Any]]) -> Iterable[str]:
    holder = 0
    for event in moves:
        holder = event["fence"] if event["kind"] == "claimed" else holder
        if event["from_status"] == "running" and event["fence"] != holder:
            yield f"{event['kind']} by fence {event['fence']} while {holder} held it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """I8: what this process holds, and how many sessions a database has."""

    sessions: int
    threads: int
    children: int
    files: int

    @classmethod
    def now(cls, url: str) -> Held:
        """Count; objects that nothing refers to are collected first."""
        gc.collect()
        [row] = query(
            url,
            "SELECT count(*) AS n FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        return cls(
            sessions=row["n"],
            threads=threading.active_count(),
            children=len(_children()),
            files=len(list(Path("/proc/self/fd").iterdir())),
        )


def _children() -> list[str]:
    tasks = Path("/proc/self/task")
    return [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
