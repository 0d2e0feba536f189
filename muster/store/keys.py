"""API keys as the HTTP API reads them; `muster.store.key_changes` is the operators' side."""

from __future__ import annotations

from datetime import timedelta

from muster.keys.access import Principal, Role
from muster.keys.recognition import StoredKey
from muster.store.connection import Database
from muster.store.statements import statements

#: A use within this long after the one that was noted last is not written down.
NOTED = timedelta(minutes=5)


class Keys:
    """The table on one connection; a `KeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = statements("keys")

    def find(self, key_id: str) -> StoredKey | None:
        """See `KeyStore.find`."""
        rows = self._database.run(self._sql["find_key"], _of(key_id))
        if not rows:
            return None
        digest, role, scopes, tenant, valid, note_use = rows[0]
        return StoredKey(
            digest=bytes(digest),
            valid=valid,
            note_use=note_use,
            principal=Principal(
                key_id=key_id,
                role=Role(role),
                tenant=tenant,
                scopes=None if scopes is None else frozenset(scopes),
            ),
        )

    def note_use(self, key_id: str) -> None:
        """See `KeyStore.note_use`."""
        self._database.run(self._sql["note_use"], _of(key_id))


def _of(key_id: str) -> dict[str, object]:
    return {"key_id": key_id, "noted_seconds": NOTED.total_seconds()}
