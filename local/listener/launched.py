"""Tasks that local listeners launched for their jobs: they outlive their listener, but not the cloud."""

from __future__ import annotations

import socket

from ecs_listener.launcher import MODULE
from local.process.identity import ProcessIdentity
from muster.errors import StoreUnavailable
from muster.store.connection import Database
from muster.store.instances import Instances
from muster.store.migration import SchemaError
from muster.store.settings import DatabaseSettings

_PATIENCE = 2.0


def launched_tasks(database_url: str, *, patience: float = _PATIENCE) -> list[ProcessIdentity]:
    """Those that run, as the ledger knows them: each of them beats.

    Args:
        patience: longest wait for the ledger, in seconds; without it nothing is launched, and what is ends
            by itself.
    """
    settings = DatabaseSettings.from_url(database_url)
    database = Database(lambda _refresh: settings, call_seconds=patience, retry_seconds=patience)
    try:
        pids = Instances(database).here(socket.gethostname())
    except (StoreUnavailable, SchemaError):
        return []
    finally:
        database.close()
    # A pid that was written down long ago may be another process's by now.
    return [found for found in map(ProcessIdentity.of, pids) if MODULE in found.command().split()]
