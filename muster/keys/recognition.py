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


class CallsTooOften(MusterError):
    """The holder of a valid key calls more often than it may."""

    code = "too_many_requests"

    def __init__(self, key_id: str) -> None:
        super().__init__()
        self.key_id = key_id


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredKey:
    """What is stored of a key."""

    digest: bytes
    #: Neither deactivated nor expired, by the database's clock.
    valid: bool
    #: Its last use is so long ago that this one should be noted.
    note_use: bool
    principal: Principal
    #: Its holder calls too often: this call was not counted.
    too_often: bool = False
    #: Of the row that this was read from: another one after every change. No row has the empty one.
    stamp: str = ""


class KeyStore(Protocol):
    """Where keys are found."""

    def find(self, key_id: str, *, digest: bytes | None) -> StoredKey | None:
        """The key of that id, whether or not it is valid; and one call of its holder is counted.

        It is counted for a valid key only, and by somebody who has it: whose `digest` is the stored one,
        or None for a holder who was recognised otherwise.

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
        CallsTooOften: it is valid, and its rate is used up.
        StoreUnavailable: nobody can tell now.
    """
    key = ApiKey.read(presented)
    if key is None:
        raise NotRecognised
    stored = keys.find(key.key_id, digest=key.digest)
    matches = key.matches(stored.digest if stored else _NOBODY)
    if stored is None or not matches or not stored.valid:
        raise NotRecognised
    return _let_in(stored, keys)


def recognise_token(presented: str, *, tokens: Tokens, keys: KeyStore) -> Principal:
    """The holder of a valid token, whose key still is one: what ends the key ends its tokens.

    Raises:
        NotRecognised: no token of ours, one that has expired, or whose key holds no longer.
        CallsTooOften: the rate of its key is used up.
        StoreUnavailable, SecretsUnavailable: nobody can tell now.
    """
    try:
        token = tokens.read(presented)
    except TokenInvalid as error:
        raise NotRecognised from error
    stored = keys.find(token.key_id, digest=None)
    if stored is None or not stored.valid:
        raise NotRecognised
    holder = _let_in(stored, keys)
    if token.hold is not None:
        if token.tenant != holder.tenant:
            raise NotRecognised
        return replace(holder, hold=token.hold)
    allowed = token.scopes if holder.scopes is None else token.scopes & holder.scopes
    return replace(holder, scopes=allowed)


def _let_in(stored: StoredKey, keys: KeyStore) -> Principal:
    holder = stored.principal
    if stored.too_often:
        raise CallsTooOften(holder.key_id)
    if stored.note_use:
        keys.note_use(holder.key_id)
    return holder
