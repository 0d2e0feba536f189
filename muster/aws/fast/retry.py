"""How often and how soon a call is tried again: botocore's standard mode."""

from __future__ import annotations

import threading

from muster.aws.fast.failure import Cause

#: Longest pause between two tries, in seconds.
MAX_PAUSE = 20.0

#: Tries that may fail in a row, over all threads, before none is repeated: 500 / 14 of them.
CAPACITY = 500

_SCALE = {Cause.TRANSIENT: 0.05, Cause.THROTTLED: 1.0}
_COST = {Cause.TRANSIENT: 14, Cause.THROTTLED: 5}

#: The service may ask for this much more than our own pause, in seconds.
_MORE = 5.0


def pause(cause: Cause, *, attempt: int, chance: float, asked: float | None = None) -> float:
    """Seconds to wait after a failed try.

    Args:
        attempt: number of the failed try, from 1.
        chance: a random number in 0..1.
        asked: what the service asked for, in seconds.
    """
    own = chance * min(_SCALE[cause] * 2 ** (attempt - 1), MAX_PAUSE)
    return own if asked is None else max(own, min(asked, own + _MORE))


def pause_asked(header: bytes | None) -> float | None:
    """Seconds of an `x-amz-retry-after` header, which has milliseconds; None when it makes no sense."""
    return int(header) / 1000 if header is not None and header.isdigit() else None


class Quota:
    """Keeps a service that is down from being called several times as often as one that is up."""

    def __init__(self) -> None:
        self._left = CAPACITY
        self._lock = threading.Lock()

    def take(self, cause: Cause) -> bool:
        """Whether there is capacity for one more repetition; takes it."""
        with self._lock:
            if _COST[cause] > self._left:
                return False
            self._left -= _COST[cause]
            return True

    def give(self, repeated: Cause | None) -> None:
        """After a success: what its last repetition took, or 1 when there was none."""
        if self._left == CAPACITY:
            return
        with self._lock:
            self._left = min(CAPACITY, self._left + (_COST[repeated] if repeated else 1))
