"""Muster's dispatcher: schedules that are due become executions in Postgres and messages in SQS.

Prints what it did as one JSON object, as `bench/peers/schedulers/measured.py` does for the others.
"""

from __future__ import annotations

import json
import os
import time

from bench.schedules import TimedDatabase, duties_of, make_due
from muster.aws.transport import quickest_queues
from muster.dispatcher.host import CONNECTIONS

#: Fired first, so that connections, plans and imports are there.
_WARM = 200


def main() -> None:
    """Fire."""
    url, count = os.environ["BENCH_DATABASE"], int(os.environ["BENCH_SCHEDULES"])
    database = TimedDatabase(url)
    [fire, *_] = duties_of(database, quickest_queues(), connections=CONNECTIONS).all()
    make_due(url, count=min(_WARM, count))
    while fire.page():
        pass
    make_due(url, count=count)
    database.seconds.clear()
    started, cpu, fired = time.monotonic(), time.process_time(), 0
    while page := fire.page():
        fired += page
    told = {
        "fires": fired,
        "seconds": time.monotonic() - started,
        "cpu": time.process_time() - cpu,
        "database": database.seconds,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
