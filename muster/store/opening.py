"""Opens the ledger's database from a component's environment."""

from __future__ import annotations

from muster.contracts import DatabaseEnvironment
from muster.ports import Secrets
from muster.store.connection import Database
from muster.store.settings import DatabaseSettings


def open_database(environment: DatabaseEnvironment, *, secrets: Secrets) -> Database:
    """A database that reads its secret at the first call, and again when the password is refused."""

    def settings(refresh: bool) -> DatabaseSettings:
        read = secrets.refresh if refresh else secrets.get
        return DatabaseSettings.from_secret(
            read(environment.database_secret), tls=environment.database_tls
        )

    return Database(settings)
