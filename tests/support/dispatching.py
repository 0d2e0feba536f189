"""A dispatcher as a real process: `python -m tests.support.dispatching SECONDS` ticks that often."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from muster.dispatcher.host import dispatcher_host
from muster.errors import StoreUnavailable
from muster.log import logger


def main() -> None:
    """Tick until killed."""
    every = float(sys.argv[1])
    while True:
        try:
            dispatcher_host().tick(holder="soak", time_left=timedelta(seconds=20))
        except StoreUnavailable as away:
            logger("dispatcher").warning("no tick: %s", away)
        time.sleep(every)


if __name__ == "__main__":
    main()
