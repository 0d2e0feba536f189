"""PostgreSQL servers without anything in them, made as copies of one that `initdb` made.

`initdb` is most of a server's first start, and comes to the same each time. Its result is kept in
`.muster/test-postgres`, for each version and each way in which `local/postgres.py` would make it.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import shutil
import subprocess
import tempfile
from pathlib import Path

import local.postgres
from local.checkout import Checkout
from local.postgres import Postgres


def fresh_postgres(folder: Path, version: int) -> Postgres:
    """A server in a folder that is empty or missing, not yet started."""
    folder.mkdir(exist_ok=True)
    copied = ["cp", "-a", f"{_blank(version)}/.", str(folder)]
    subprocess.run(copied, check=True)  # keeps owners, as the server needs them
    return Postgres(folder, version=version, durable=False)


def _blank(version: int) -> Path:
    """The folder of a server that has run once and was stopped."""
    made_by = hashlib.sha256(inspect.getsource(local.postgres).encode()).hexdigest()[:12]
    blank = Checkout.locate().root / ".muster" / "test-postgres" / f"{version}-{made_by}"
    if not blank.exists():
        blank.parent.mkdir(parents=True, exist_ok=True)
        for outdated in set(blank.parent.glob(f"{version}-*")) - {blank}:
            shutil.rmtree(outdated, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="making-", dir=blank.parent))
        server = Postgres(folder, version=version, durable=False)
        server.start()
        server.stop()
        with contextlib.suppress(OSError):  # another process was quicker
            folder.rename(blank)
        shutil.rmtree(folder, ignore_errors=True)
    return blank
