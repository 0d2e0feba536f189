"""A port of loopback at which nobody answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from local.ports import LOOPBACK


@contextmanager
def closed_port() -> Iterator[int]:
    """Nobody listens there, and nobody else can, until the block ends."""
    with socket.socket() as kept:
        kept.bind((LOOPBACK, 0))
        yield int(kept.getsockname()[1])
