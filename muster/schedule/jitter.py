"""How far past its planned time a fire starts, so that a storm of them is spread."""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32


def start_of(planned: datetime, *, job_id: str, jitter: timedelta) -> datetime:
    """A moment in [`planned`, `planned` + `jitter`), the same for whoever fires it and however often."""
    part = crc32(job_id.encode()) / 2**32
    # Whole milliseconds, which every clock on the way can hold.
    return planned + timedelta(milliseconds=int(jitter / timedelta(milliseconds=1) * part))
