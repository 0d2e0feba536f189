"""`python -m ecs_listener`: runs the agent that the environment names, until SIGTERM."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

from muster.errors import ConfigurationError

#: The collector looks for circles once so many objects more are there than before. At Python's 700 it would
#: look through every twenty messages.
COLLECT_AFTER = 20_000


def main(*, task: bool = False) -> int:
    """Run; the exit code.

    Args:
        task: receive nothing, run the one errand that the environment tells, and end.
    """
    # Loading leaves next to nothing to collect, and looking for it would be a sixth of the start.
    gc.disable()
    from ecs_listener.host import open_listener, open_task

    try:
        listener = open_task() if task else open_listener()
    except ConfigurationError as error:
        print(f"The listener cannot start: {error}", file=sys.stderr)  # noqa: T201 - no log yet
        return 2

    def told(_number: int, _frame: FrameType | None) -> None:
        listener.signal()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    # What is loaded stays; looked through anew and again, it would hold up every thread.
    gc.freeze()
    # Messages on their way are no garbage, and what they leave behind needs no collector.
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()
    return listener.run()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Jobs that do not stop, and receives under way, must not hold up the end.
    os._exit(code)
