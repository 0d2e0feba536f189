"""Opens the ledger's database from a component's environment, and an agent's own tables on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from muster.contracts import STATEMENTS_FOLDER, DatabaseEnvironment
from muster.database import JobDatabase, NoTables
from muster.errors import StoreUnavailable
from muster.ports import Secrets, SecretsUnavailable
from muster.store.connection import Database
from muster.store.settings import DatabaseSettings


def open_database(environment: DatabaseEnvironment, *, secrets: Secrets) -> Database:
    """A database that reads its secret at the first call, and again when the password is refused."""
    return Database(settings_reader(environment, secrets=secrets))


def settings_reader(
    environment: DatabaseEnvironment, *, secrets: Secrets
) -> Callable[[bool], DatabaseSettings]:
    """What a `Database` asks for its settings: they are read from the secret, anew when told to.

    It raises StoreUnavailable when the secret cannot be read for now.
    """

    def settings(refresh: bool) -> DatabaseSettings:
        read = secrets.refresh if refresh else secrets.get
        try:
            secret = read(environment.database_secret)
        except SecretsUnavailable as away:
            raise StoreUnavailable(f"Postgres: its secret cannot be read: {away}") from away
        return DatabaseSettings.from_secret(secret, tls=environment.database_tls)

    return settings


def open_tables(database: Database, *, agent_id: str, folder: Path) -> JobDatabase:
    """What the jobs of the agent of that folder are handed; its statements are read at the first call."""
    if not (folder / STATEMENTS_FOLDER).is_dir():
        return NoTables()
    from muster.store.agent_database import AgentDatabase

    return AgentDatabase(database, agent_id=agent_id, folder=folder)
