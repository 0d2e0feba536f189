"""API keys as the HTTP API reads them; `muster.store.key_changes` is the operators' side."""

from __future__ import annotations

from datetime import timedelta

from muster.keys.access import Principal, Role
from muster.keys.recognition import StoredKey
from muster.store.call_rate import Rate
from muster.store.connection import Database
from muster.store.statements import statements

#: A use within this long after the one that was noted last is not written down.
NOTED = timedelta(minutes=5)


class Keys:
    """The table on one connection; a `KeyStore`."""

    def __init__(self, database: Database, *, rate: Rate) -> None:
        self._database = database
        self._rate = rate
        self._sql = statements("keys")

    def find(self, key_id: str, *, digest: bytes | None) -> StoredKey | None:
        """See `KeyStore.find`. One statement, since every call waits for it."""
        rows = self._database.run(
            self._sql["find_key"],
            {
                **_of(key_id),
                "digest": digest,
                "subject": subject_of(key_id),
                **self._rate.parameters,
            },
        )
        if not rows:
            return None
        stored, role, scopes, tenant, valid, note_use, counted, stamp = rows[0]
        return StoredKey(
            digest=bytes(stored),
            valid=valid,
            too_often=not counted,
            note_use=note_use,
            stamp=stamp,
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


def subject_of(key_id: str) -> str:
    """By which name the calls of a key are counted."""
    return f"key:{key_id}"


def _of(key_id: str) -> dict[str, object]:
    return {"key_id": key_id, "noted_seconds": NOTED.total_seconds()}
