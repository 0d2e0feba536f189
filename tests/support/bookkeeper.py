"""A worker process of `ledger-posting`: `python -m tests.support.bookkeeper <database> <job> <params>`.

It goes on from the job's last checkpoint, which it keeps in the table `saved`, and prints the result.
S3 is where the environment says.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from muster import Job
from muster.agent_loader import load_agent
from tests.support.bookkeeping import CONFIG, FOLDER, tables_at
from tests.support.clerk import query

#: Small batches, so that there is time to die in between.
SLOWLY = {"batch_lines": 20, "checkpoint_lines": 100}


def main(url: str, job_id: str, params: str) -> None:
    """One attempt at the job."""
    tables, close = tables_at(url)
    state = query(url, "SELECT state FROM saved WHERE job_id = %s", job_id)

    def save(new: Any) -> None:
        query(
            url,
            "INSERT INTO saved VALUES (%s, %s)"
            " ON CONFLICT (job_id) DO UPDATE SET state = EXCLUDED.state",
            job_id,
            json.dumps(new),
        )

    job = Job(
        id=job_id,
        params=json.loads(params),
        config={**CONFIG, **SLOWLY},
        state=state[0]["state"] if state else None,
        save=save,
        database=tables,
    )
    print(json.dumps(load_agent(FOLDER)(job)), flush=True)
    close()


if __name__ == "__main__":
    main(*sys.argv[1:])
