"""Execution ids: UUID version 7, so that new rows go to the right-hand edge of every index."""

from __future__ import annotations

import os
from datetime import datetime

#: The two upper bits of this digit are 10; the lower ones are noise.
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def new_execution_id(*, now: datetime) -> str:
    """The text of a UUIDv7 (RFC 9562 section 5.7) of this moment, in milliseconds."""
    time = f"{int(now.timestamp() * 1000) & (1 << 48) - 1:012x}"
    noise = os.urandom(10).hex()
    variant = _VARIANT[noise[3]]
    return f"{time[:8]}-{time[8:]}-7{noise[:3]}-{variant}{noise[4:7]}-{noise[7:19]}"
