"""Waits until everything that the demo shows is over, and says how it goes meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from local.demo.scene import Scene

#: Seconds for all of it on a machine that is busy with other things.
TIMEOUT = 300
_PAUSE = 0.25
#: Seconds between lines of progress.
_REPORT = 5


def watch(
    scenes: Sequence[Scene],
    *,
    say: Callable[[str], None],
    meanwhile: Callable[[float], None],
    timeout: float = TIMEOUT,
) -> None:
    """Ask the scenes again and again until all are over, or too long.

    Args:
        meanwhile: is told at every round how many seconds it has been.
        timeout: seconds after which what is not over is waited for no longer.
    """
    begun = reported = time.monotonic()
    while True:
        waiting = [scene for scene in scenes if not scene.over()]
        now = time.monotonic()
        if not waiting or now - begun > timeout:
            how = "after" if not waiting else f"still waiting for {waiting[0].what} after"
            say(f"  {len(scenes) - len(waiting)} of {len(scenes)} shown {how} {now - begun:.0f} s")
            return
        if now - reported > _REPORT:
            reported = now
            more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
            say(f"  waiting for {waiting[0].what}{more}")
        meanwhile(now - begun)
        time.sleep(_PAUSE)
