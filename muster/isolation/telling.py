"""What a job tells its worker and expects no answer to."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from muster.isolation.frame import BadFrame
from muster.job import Job

#: Counters of one job; more are not kept.
_MOST_COUNTERS = 100

#: A log record has these attributes already; a logger refuses to be given them again.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def tell(job: Job, message: Mapping[str, Any]) -> None:
    """Log or count as the job says.

    Raises:
        BadFrame: it says neither.
    """
    match message:
        case {"kind": "log", "level": int(level), "message": str(text), "extra": {**extra}}:
            keys = {name: value for name, value in extra.items() if name not in STANDARD}
            job.log.log(level, "%s", text, extra=keys)
        case {"kind": "count", "name": str(name), "amount": int() | float() as amount} if (
            math.isfinite(amount)
        ):
            if name in job.counters or len(job.counters) < _MOST_COUNTERS:
                job.counters[name] = amount  # pyright: ignore[reportArgumentType] - agents count in fractions, too
        case _:
            raise BadFrame("nothing that a job may say")
