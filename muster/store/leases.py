"""Leases with a name, a term and a fencing number that never repeats, on one connection."""

from __future__ import annotations

from datetime import timedelta

from muster.store.connection import Database
from muster.store.statements import statements

#: Rows of leases that ended this long ago are removed: nobody asks for them any more.
KEEP = timedelta(hours=1)


class Leases:
    """The table `lease`. Every method raises StoreUnavailable when there is no answer in time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("dispatch")

    def take(self, *, name: str, holder: str, term: timedelta) -> int | None:
        """Take or renew a lease; its fencing number, None while another holder's is alive.

        A renewal keeps its number, every change of holder raises it, also when the row was deleted.
        """
        rows = self._database.run(
            self._sql["take_lease"],
            {"name": name, "holder": holder, "ttl_seconds": term.total_seconds()},
        )
        return rows[0][0] if rows else None

    def release(self, *, name: str, holder: str, fence: int) -> None:
        """Give a lease back before its time; one that is another's by now stays."""
        self._database.run(
            self._sql["release_lease"], {"name": name, "holder": holder, "fence": fence}
        )

    def forget(self) -> int:
        """Remove leases that ended long ago; says how many."""
        rows = self._database.run(
            self._sql["leases_forget"], {"keep_seconds": KEEP.total_seconds()}
        )
        return int(rows[0][0])
