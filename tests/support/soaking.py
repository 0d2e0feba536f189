"""`python -m tests.support.soaking [--seconds N] [--seed N]`: chaos for listeners, then proof."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from local.postgres import Postgres
from tests.support.listening import queue_server, rigs
from tests.support.logins import make_logins
from tests.support.migrations import migrate_database
from tests.support.postgres import make_database
from tests.support.soak import Soak


def main() -> int:
    """Run; 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(description="Chaos for listeners, then proof.")
    parser.add_argument("--seconds", type=float, default=300, help="how long things break")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    told = parser.parse_args()
    print(f"soak: seed {told.seed}, {told.seconds:g} s", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="muster-soak-"))
    postgres = Postgres(folder / "postgres", durable=False)
    began = time.monotonic()
    problems = ["it did not come to its end"]
    try:
        postgres.start()
        make_database(postgres, "muster")
        migrate_database(postgres.url("muster"))
        make_logins(postgres.url())
        with queue_server() as endpoint, rigs(folder, endpoint) as make:
            soak = Soak(rig=make(postgres.url("muster")), postgres=postgres, seed=told.seed)
            try:
                soak.run(seconds=told.seconds)
                problems = soak.problems()
            finally:
                soak.close()
        print(f"soak: {time.monotonic() - began:.0f} s, {dict(soak.done)}")
    finally:
        postgres.stop(immediate=True)
        if not problems:
            shutil.rmtree(folder)
    for problem in problems[:50]:
        print(f"soak: {problem}", file=sys.stderr)
    print(
        f"soak: {len(problems)} problems, logs in {folder}"
        if problems
        else "soak: all invariants hold"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
