"""API keys as operators see, make and end them. A key's text leaves `create` and `rotate` once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from muster.keys.access import Role, Scope
from muster.keys.api_key import ApiKey
from muster.store.reader import Reader

if TYPE_CHECKING:
    from psycopg2 import extensions

#: What is stored of a key, by column, without what proves it.
KeyRow = Mapping[str, Any]


class KeyChanges:
    """On an ordinary connection; the caller ends the transaction.

    Each method raises NotMigrated when the database has no tables.
    """

    def __init__(self, connection: extensions.connection) -> None:
        self._reader = Reader(connection, topic="keys")

    def create(
        self,
        *,
        name: str,
        role: Role,
        tenant: str,
        scopes: Sequence[Scope] | None,
        lifetime: timedelta | None,
        by: str | None,
    ) -> tuple[ApiKey, KeyRow]:
        """A new key, and what is stored of it.

        Args:
            scopes: what is left of the role's; None: all.
            lifetime: from now until it expires; None: never.
        """
        key = ApiKey.new()
        (row,) = self._reader.rows(
            "create_key",
            {
                **_stored(key),
                "name": name,
                "role": str(role),
                "scopes": None if scopes is None else [str(scope) for scope in scopes],
                "tenant": tenant,
                "expires_seconds": None if lifetime is None else lifetime.total_seconds(),
                "by": by,
            },
        )
        return key, row

    def rotate(
        self, key_id: str, *, overlap: timedelta, by: str | None
    ) -> tuple[ApiKey, KeyRow] | None:
        """A successor with the same rights; the old key ends after `overlap`.

        None, and nothing written, when there is no such valid key, or it has a successor already.
        """
        key = ApiKey.new()
        rows = self._reader.rows(
            "rotate_key",
            {
                **_stored(key),
                "old_id": key_id,
                "overlap_seconds": overlap.total_seconds(),
                "by": by,
            },
        )
        return (key, rows[0]) if rows else None

    def switch(self, key_id: str, *, active: bool) -> KeyRow | None:
        """Deactivate a key, or make it active again; None when there is no such key."""
        rows = self._reader.rows("switch_key", {"key_id": key_id, "active": active})
        return rows[0] if rows else None

    def listing(self, *, tenant: str | None, everything: bool) -> Sequence[KeyRow]:
        """Keys, newest first; `everything` includes those that hold no longer."""
        wanted = {"tenant": tenant, "all": everything, "key_id": None}
        return self._reader.rows("list_keys", wanted)

    def find(self, key_id: str) -> KeyRow | None:
        """One key, valid or not."""
        rows = self._reader.rows("list_keys", {"tenant": None, "all": True, "key_id": key_id})
        return rows[0] if rows else None


def _stored(key: ApiKey) -> dict[str, Any]:
    return {"key_id": key.key_id, "digest": key.digest}
