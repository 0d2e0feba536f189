"""PostgreSQL servers that are ready for tests, made as copies of one that was made once.

`initdb` and the migrations are most of a server's first start, and come to the same each time. Their result
is kept in `.muster/test-postgres`, for each version, for each text of what made it, and for the month: they
make partitions of the one in which they run and of the next two.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from local.checkout import Checkout
from local.postgres import Postgres
from local.process.lock import FileLock
from tests.support.logins import make_logins
from tests.support.migrations import migrate_database

#: The migrated database of a ready server; others are made as copies of it.
TEMPLATE = "muster_template"

#: The modules beside this one that have a part in it.
_MAKERS = ("fresh_postgres", "logins", "migrations")
#: Seconds that another process may take to make a server.
_TURN = 600
#: Versions from here on let a password be proven in one round of hashing instead of 4,096.
_ROUNDS_ARE_A_SETTING = 16


def blank_postgres(folder: Path, version: int) -> Postgres:
    """A server in a folder that is empty or missing, with nothing in it, not yet started."""
    return _copy("blank", folder, version)


def ready_postgres(folder: Path, version: int) -> Postgres:
    """The same, with the migrated `TEMPLATE` and the logins of the components."""
    return _copy("ready", folder, version)


def _copy(kind: str, folder: Path, version: int) -> Postgres:
    folder.mkdir(exist_ok=True)
    copied = ["cp", "-a", f"{_kept(kind, version)}/.", str(folder)]
    subprocess.run(copied, check=True)  # keeps owners, as the server needs them
    return Postgres(folder, version=version, durable=False)


def _kept(kind: str, version: int) -> Path:
    """The folder of a server that has run once and was stopped."""
    kept = _parent() / f"{kind}-{version}-{_made_by()}"
    if kept.exists():
        return kept
    lock = FileLock(kept.parent / f"{kind}-{version}.lock")
    if not lock.acquire(timeout=_TURN):
        raise TimeoutError(f"Another process has held {lock.path} for {_TURN} s.")
    with lock:
        if not kept.exists():
            for outdated in kept.parent.glob(f"{kind}-{version}-*"):
                shutil.rmtree(outdated, ignore_errors=True)
            _make(kind, version).rename(kept)
    return kept


def _make(kind: str, version: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="making-", dir=_parent()))
    server = Postgres(folder, version=version, durable=False)
    server.start()
    if kind == "ready":
        with closing(psycopg2.connect(server.url())) as connection, connection.cursor() as cursor:
            connection.autocommit = True  # what makes a database refuses to run in a transaction
            if version >= _ROUNDS_ARE_A_SETTING:  # tests connect thousands of times
                cursor.execute("SET scram_iterations = 1")
                cursor.execute("ALTER ROLE CURRENT_USER PASSWORD %s", (server.password,))
            cursor.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 STRATEGY file_copy")
        migrate_database(server.url(TEMPLATE))
        make_logins(server.url())
    server.stop()
    return folder


def _parent() -> Path:
    return Checkout.locate().root / ".muster" / "test-postgres"


@functools.cache
def _made_by() -> str:
    """Digest of all that could make the result another one."""
    root = Checkout.locate().root
    own = ("local/postgres.py", "muster/contracts.py", "muster/database_roles.py")
    texts = [root / name for name in own]
    texts += [root / "tests" / "support" / f"{name}.py" for name in _MAKERS]
    for kind in ("*.py", "*.sql"):
        texts += sorted((root / "muster" / "store").rglob(kind))
    digest = hashlib.sha256(f"{datetime.now(UTC):%Y-%m}".encode())
    for text in texts:
        digest.update(text.read_bytes())
    return digest.hexdigest()[:12]
