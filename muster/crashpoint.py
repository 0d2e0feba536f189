"""Named places where a test may make the process die.

A crash point costs one comparison and does nothing unless `MUSTER_CRASHPOINT` named it at the start:
`MUSTER_CRASHPOINT="<name>=<how>[@<n>]"`, where how is `exit` (os._exit, no clean-up), `raise` (an exception
that no handler expects) or `stop` (SIGSTOP, as a paused machine), at the n-th passage (default 1).
"""

from __future__ import annotations

import os
import signal

#: Every crash point of the runtime; a test walks them all.
CRASHPOINTS = (
    "claim.before",
    "claim.after",
    "run.before",
    "run.after",
    "settle.before",
    "settle.after",
    "dead_letter.before_send",
    "dead_letter.after_send",
    "dead_letter.after_clear",
    "relay.before_send",
    "relay.after_send",
    "rescue.after",
    "fire.before_send",
    "fire.after_send",
    "redrive.before_send",
    "redrive.after_send",
    "redrive.after_delete",
    "purge.after_archive",
)

#: Asked at every passage, and the environment is slow to ask: so it is asked once.
_armed: list[str] = [os.environ["MUSTER_CRASHPOINT"]] if "MUSTER_CRASHPOINT" in os.environ else []

_passages: dict[str, int] = {}


class CrashPointReached(BaseException):
    """Raised by an armed crash point; a BaseException, so that no ordinary handler swallows it."""


def crashpoint(name: str) -> None:
    """Die here if a test armed this name; otherwise do nothing."""
    if _armed:
        _pass(name, _armed[0])


def arm(how: str | None) -> None:
    """What `MUSTER_CRASHPOINT` says, for a process that has begun already; None disarms it."""
    _passages.clear()
    _armed[:] = [] if how is None else [how]


def _pass(name: str, armed: str) -> None:
    wanted, _, how = armed.partition("=")
    if wanted != name:
        return
    how, _, nth = how.partition("@")
    _passages[name] = _passages.get(name, 0) + 1
    if _passages[name] != int(nth or 1):
        return
    if how == "exit":
        os._exit(137)
    if how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    raise CrashPointReached(name)
