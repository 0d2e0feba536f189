"""Execution ids: UUID version 7, so that new rows go to the right-hand edge of every index."""

from __future__ import annotations

import os
from datetime import datetime


def new_execution_id(*, now: datetime) -> str:
    """The text of a UUIDv7 (RFC 9562 section 5.7) of this moment, in milliseconds."""
    noise = bytearray(os.urandom(10))
    noise[0] = noise[0] & 0x0F | 0x70
    noise[2] = noise[2] & 0x3F | 0x80
    digits = f"{int(now.timestamp() * 1000) & (1 << 48) - 1:012x}{noise.hex()}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
