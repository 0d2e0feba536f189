"""`python -m ecs_listener`: runs the agent that the environment names, until SIGTERM."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from ecs_listener.host import open_listener
from ecs_listener.listener import Listener
from muster.errors import ConfigurationError

#: The collector looks for circles once so many objects more are there than before. At Python's 700 it would
#: look through every twenty messages.
COLLECT_AFTER = 20_000


def main(opened: Callable[[], Listener] = open_listener) -> int:
    """Run; the exit code."""
    try:
        listener = opened()
    except ConfigurationError as error:
        print(f"The listener cannot start: {error}", file=sys.stderr)  # noqa: T201 - no log yet
        return 2

    def told(_number: int, _frame: FrameType | None) -> None:
        listener.signal()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    # What is loaded stays; looked through anew and again, it would hold up every thread.
    gc.collect()
    gc.freeze()
    # Messages on their way are no garbage, and what they leave behind needs no collector.
    gc.set_threshold(COLLECT_AFTER)
    return listener.run()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Jobs that do not stop, and receives under way, must not hold up the end.
    os._exit(code)
