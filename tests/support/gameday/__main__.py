"""`python -m tests.support.gameday [--only PAGE]`: every fault with a runbook, on a cloud of its own."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.support.deployed import copy_checkout
from tests.support.gameday.play import SCENES, play, unplayed


def main() -> int:
    """Deploy, play, stop; 1 when a fault was not told, not mended, or lost something."""
    parser = argparse.ArgumentParser(description="Induce every fault that has a runbook.")
    parser.add_argument("--only", metavar="PAGE", action="append", help="only the scenes of it")
    only = parser.parse_args().only
    scenes = [scene for scene in SCENES if not only or set(only) & set(scene.pages)]
    folder = Path(tempfile.mkdtemp(prefix="muster-gameday-"))
    copy = copy_checkout(folder)
    began, wrong = time.monotonic(), [f"{page}: no scene plays it" for page in unplayed()]
    try:
        _say(f"gameday: deploying to {folder}")
        copy.up()
        for scene in scenes:
            try:
                play(scene, copy, say=_say)
            except Exception:  # noqa: BLE001 - the others are played all the same
                traceback.print_exc()
                wrong.append(f"{', '.join(scene.pages)}: {scene.what}")
    finally:
        copy.cloud.down()
        copy.kill()
        shutil.rmtree(folder, ignore_errors=True)
    for line in wrong:
        print(f"gameday: {line}", file=sys.stderr)
    told = f"{len(scenes)} faults, {time.monotonic() - began:.0f} s"
    _say(
        f"gameday: {told}, {'all told and mended; the invariants hold' if not wrong else 'NOT WELL'}"
    )
    return 1 if wrong else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
