"""What a process remembers of keys, so that a call costs one statement.

Nothing is believed for being remembered: whoever acts on it does so by a statement that compares the stamp of
the key's row, and asks the database whether it is valid now.
"""

from __future__ import annotations

from muster.keys.api_key import ApiKey
from muster.keys.recognition import KeyStore, StoredKey

#: Most keys that are remembered.
MOST = 500


class RememberedKeys:
    """A `KeyStore` that remembers what another one found last."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._known: dict[str, StoredKey] = {}

    def find(self, key_id: str, *, digest: bytes | None) -> StoredKey | None:
        """See `KeyStore.find`."""
        stored = self._keys.find(key_id, digest=digest)
        self._known.pop(key_id, None)
        if stored is not None and stored.valid:
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[key_id] = stored
        return stored

    def note_use(self, key_id: str) -> None:
        """See `KeyStore.note_use`."""
        self._keys.note_use(key_id)

    def remembered(self, presented: str) -> StoredKey | None:
        """The key that a text is, as it was found last; None for one that is not known, or another secret."""
        key = ApiKey.read(presented)
        stored = None if key is None else self._known.get(key.key_id)
        return (
            stored
            if key is not None and stored is not None and key.matches(stored.digest)
            else None
        )
