"""The keys that sign tokens: one JSON secret, `{"key": …}`, and while it is rotated `"previous"` besides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from muster.clock import Clock
from muster.errors import ConfigurationError
from muster.ports import Secrets, SecretsUnavailable

#: Fewest characters of a key; HMAC-SHA256 gains nothing from more than 64 and loses with fewer than 32.
LEAST_CHARACTERS = 32

#: What was read of the secret serves for so long, so that every process has a rotated key soon.
READ_AGAIN = timedelta(minutes=5)

#: A token that names an unknown key has the secret read again, at most this often.
LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One key, and the name by which tokens say that it signed them."""

    name: str
    text: str = field(repr=False)


class SigningKeys:
    """The keys of a stage as one process has read them.

    Args:
        secret: name or ARN of the secret.
    """

    def __init__(self, *, secrets: Secrets, secret: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret = secret
        self._clock = clock
        self._keys: tuple[SigningKey, ...] = ()
        self._read_at = 0.0

    def current(self) -> SigningKey:
        """The key that signs now.

        Raises:
            SecretsUnavailable: the secret was never read, and cannot be.
            ConfigurationError: it is missing, or is none of ours.
        """
        return self._known(READ_AGAIN)[0]

    def find(self, name: str) -> SigningKey | None:
        """The key of that name, should it still hold. Raises as `current`."""
        for patience in (READ_AGAIN, LOOK_AGAIN):
            for key in self._known(patience):
                if key.name == name:
                    return key
        return None

    def _known(self, patience: timedelta) -> tuple[SigningKey, ...]:
        now = self._clock.monotonic()
        if not self._keys or now - self._read_at >= patience.total_seconds():
            try:
                self._keys = tuple(_keys(self._secrets.refresh(self._secret)))
            except SecretsUnavailable:
                if not self._keys:
                    raise  # what was read last holds
            self._read_at = now
        return self._keys


def _keys(secret: Any) -> list[SigningKey]:
    texts = [secret.get("key"), *([secret["previous"]] if secret.get("previous") else [])]
    if not all(isinstance(text, str) and len(text) >= LEAST_CHARACTERS for text in texts):
        raise ConfigurationError(
            'The secret that signs tokens must read {"key": "…"}, and "previous" with the last one while it '
            f"is rotated, each of {LEAST_CHARACTERS} characters or more. Put such a value into it."
        )
    return [SigningKey(name=_name(text), text=text) for text in texts]


def _name(text: str) -> str:
    """Tells keys apart and nothing of what they are: they have as much chance in them as a digest."""
    return hashlib.sha256(f"muster signing key {text}".encode()).hexdigest()[:16]
