"""Execution ids: UUID version 7, so that new rows go to the right-hand edge of every index."""

from __future__ import annotations

import os
from datetime import datetime

#: The two upper bits of this digit are 10; the lower ones are noise.
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


#: Digits of noise in one id; the last of the bytes they come from is half used.
_DIGITS = 20


def new_execution_id(*, now: datetime) -> str:
    """The text of a UUIDv7 (RFC 9562 section 5.7) of this moment, in milliseconds."""
    return new_execution_ids(1, now=now)[0]


def new_execution_prefix(*, now: datetime) -> str:
    """What the ids of one statement begin with: four hexadecimal digits make each of them whole."""
    return new_execution_id(now=now)[:-4]


def new_execution_ids(count: int, *, now: datetime) -> list[str]:
    """So many of one moment, for one call of the system's generator."""
    time = f"{int(now.timestamp() * 1000) & (1 << 48) - 1:012x}"
    start = f"{time[:8]}-{time[8:]}-7"
    noise = os.urandom(count * _DIGITS // 2).hex()
    own = [noise[at : at + _DIGITS] for at in range(0, len(noise), _DIGITS)]
    return [f"{start}{n[:3]}-{_VARIANT[n[3]]}{n[4:7]}-{n[7:19]}" for n in own]
