"""The ledger's time in a test, whatever the machine takes to get there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from muster.store.statements import preparable
from tests.support.worker import Workshop

_NOW = preparable("moment", "SELECT now()")
_BEGIN, _END = (replace(_NOW, prepare=None, execute=word) for word in ("BEGIN", "COMMIT"))


@contextmanager
def moment(shop: Workshop) -> Iterator[datetime]:
    """The time of the dispatcher's database; it stands still inside the block, which is a transaction."""
    shop.dispatching.run(_BEGIN)
    [(now,)] = shop.dispatching.run(_NOW)
    yield now
    shop.dispatching.run(_END)


def when(shop: Workshop, at: datetime) -> tuple[float, float]:
    """The monotonic times of the workshop's clock between which the ledger's clock says this."""
    before = shop.clock.monotonic()
    [row] = shop.clerk.query("SELECT clock_timestamp() AS now")
    left = (at - row["now"]).total_seconds()
    return before + left, shop.clock.monotonic() + left
