"""F26: a batch of ten in which one raises, one hangs and one ends the whole process, on real parts."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

from tests.support.emulator import EmulatedCloud
from tests.support.mortal import Hospice, Life, SqsWorkshop, sqs_client

GOOD = tuple(f"good-{number}" for number in range(7))
ODD = ("raises", "hangs", "exits")
#: What `os._exit` in the job that kills its worker gives.
KILLED = 3
#: No lease of a batch of these is longer.
LEASE = timedelta(minutes=1)


def test_fault_26_the_neighbours_of_those_that_raise_hang_and_exit_complete(
    database_url: str, emulator: EmulatedCloud, tmp_path: Path
):
    # Given a lane with ten messages, the odd ones in the middle
    client = sqs_client(emulator.endpoint_url)
    lane, dlq = [
        client.create_queue(
            QueueName=f"{kind}-{uuid.uuid4().hex}", Attributes={"VisibilityTimeout": "1"}
        )["QueueUrl"]
        for kind in ("lane", "dlq")
    ]
    life = Life(
        url=database_url,
        endpoint_url=emulator.endpoint_url,
        lane=lane,
        dlq=dlq,
        role="consumer",
        crashpoint="",
        report=str(tmp_path / "report.json"),
        timeout_seconds=5,
    )
    shop = SqsWorkshop(life, founder=True)
    shop.send(*GOOD[:4], *ODD, *GOOD[4:])
    # When processes take batches, and what a dead one held is free again after a while
    ends: list[int] = []
    with Hospice() as hospice:
        while shop.problems(at_rest=True, repeats=GOOD):
            assert len(ends) < 20, shop.problems(at_rest=True, repeats=GOOD)
            ends.append(hospice.wait(hospice.start(life)))
            shop.tick()
            shop.skip(LEASE)
    # Then the killer killed a process with each of its attempts, and no process died otherwise
    assert set(ends) == {0, KILLED}
    assert ends.count(KILLED) == 3
    # And every neighbour completed: the first death cost it one attempt at most, the others none
    rows = {job: shop.clerk.row(job) for job in (*GOOD, *ODD)}
    assert {rows[job]["status"] for job in GOOD} == {"completed"}
    assert max(rows[job]["attempts"] for job in GOOD) <= 2
    # And each odd one failed as what it was, once, after the attempts that it had
    assert {job: rows[job]["error"]["code"] for job in ODD} == {
        "raises": "agent_error",
        "hangs": "timeout",
        "exits": "lost",
    }
    assert {letter["muster-job"] for letter in shop.letters()} == set(ODD)
    assert [rows[job]["attempts"] for job in ODD] == [3, 3, 3]
    shop.close()
    for url in (lane, dlq):
        client.delete_queue(QueueUrl=url)
