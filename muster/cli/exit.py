"""Exit codes of the `muster` command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's end means."""

    OK = 0
    FAILED = 1  # it was tried, and did not come true
    USAGE = 2  # the command line, or a file it names, is wrong
    NOT_FOUND = 3  # there is no such agent, job or queue
    UNAVAILABLE = 4  # the cloud, the database or a service cannot be reached
    INTERRUPTED = 130  # Ctrl-C
