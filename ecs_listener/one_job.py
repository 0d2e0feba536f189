"""`python -m ecs_listener.one_job`: a launched task; runs the one errand that it is told, and ends."""

from __future__ import annotations

import os
import sys

from ecs_listener.__main__ import main

if __name__ == "__main__":
    code = main(task=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
