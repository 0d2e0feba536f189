"""Recognises the holder of a key; everything else is refused in one way, which tells nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from muster.errors import MusterError
from muster.keys.access import Principal
from muster.keys.api_key import ApiKey
from muster.keys.token import TokenInvalid, Tokens

#: Compared with when there is no such key, so that the answer takes as long.
_NOBODY = bytes(32)


class NotRecognised(MusterError):
    """There is no such key, or it holds no longer."""

    code = "unauthorized"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredKey:
    """What is stored of a key."""

    digest: bytes
    #: Neither deactivated nor expired, by the database's clock.
    valid: bool
    #: Its last use is so long ago that this one should be noted.
    note_use: bool
    principal: Principal


class KeyStore(Protocol):
    """Where keys are found."""

    def find(self, key_id: str) -> StoredKey | None:
        """The key of that id, whether or not it is valid.

        Raises:
            StoreUnavailable: no answer in time.
        """
        ...

    def note_use(self, key_id: str) -> None:
        """The key was used just now.

        Raises:
            StoreUnavailable: no answer in time.
        """
        ...


def recognise(presented: str, *, keys: KeyStore) -> Principal:
    """The holder of a valid key.

    Raises:
        NotRecognised: no key, an unknown one, a wrong secret, or one that was deactivated or has expired.
        StoreUnavailable: nobody can tell now.
    """
    key = ApiKey.read(presented)
    if key is None:
        raise NotRecognised
    stored = keys.find(key.key_id)
    matches = key.matches(stored.digest if stored else _NOBODY)
    if stored is None or not matches or not stored.valid:
        raise NotRecognised
    if stored.note_use:
        keys.note_use(key.key_id)
    return stored.principal


def recognise_token(presented: str, *, tokens: Tokens, keys: KeyStore) -> Principal:
    """The holder of a valid token, whose key still is one: what ends the key ends its tokens.

    Raises:
        NotRecognised: no token of ours, one that has expired, or whose key holds no longer.
        StoreUnavailable, SecretsUnavailable: nobody can tell now.
    """
    try:
        token = tokens.read(presented)
    except TokenInvalid as error:
        raise NotRecognised from error
    stored = keys.find(token.key_id)
    if stored is None or not stored.valid:
        raise NotRecognised
    holder = stored.principal
    if token.hold is not None:
        if token.tenant != holder.tenant:
            raise NotRecognised
        return replace(holder, hold=token.hold)
    allowed = token.scopes if holder.scopes is None else token.scopes & holder.scopes
    return replace(holder, scopes=allowed)
