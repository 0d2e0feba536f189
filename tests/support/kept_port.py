"""Ports that a test keeps for servers which come and go there: no other process is given them meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from local.ports import LOOPBACK


@contextmanager
def kept_port(port: int = 0) -> Iterator[int]:
    """Inside the block a server of ours may listen on this port, or on one that is free.

    What is bound and does not listen is in the way of nobody who reuses addresses, as servers say they do;
    whoever asks for any free port gets another one. While no server listens, callers are refused.
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((LOOPBACK, port))
        yield kept.getsockname()[1]
