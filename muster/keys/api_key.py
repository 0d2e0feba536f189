"""A key as its holder has it: `mstr_<id>_<secret>`.

The id (64 bits) names the row, the secret (256 bits) proves the holder. A secret of that size cannot be
guessed from its digest, so one round of SHA-256 keeps it, and recognising a key costs a microsecond.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

#: What every key begins with, so that scanners for leaked secrets find it.
PREFIX = "mstr_"

#: Random bytes of a secret.
SECRET_BYTES = 32

_KEY = re.compile(r"mstr_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """Id and secret; the secret shows in `text` alone, never in a repr."""

    key_id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A key that nobody has had yet."""
        return cls(key_id=secrets.token_hex(8), secret=secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The key that a text is; None when it has not the form of one."""
        match = _KEY.fullmatch(text)
        return cls(key_id=match[1], secret=match[2]) if match else None

    @property
    def text(self) -> str:
        """What its holder keeps, and shows at every call."""
        return f"{PREFIX}{self.key_id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """All that is stored of the secret."""
        return hashlib.sha256(self.text.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Whether that digest is this key's; takes as long whatever differs."""
        return hmac.compare_digest(self.digest, digest)
