"""The database inside the local Postgres."""

from __future__ import annotations

from local.postgres import Postgres
from muster.store.settings import DatabaseSettings

#: Database of the local stage.
DATABASE = "muster"


def ensure_database(server: Postgres) -> str:
    """Create the database if this server has none; return its URL, password included."""
    import psycopg2

    maintenance = psycopg2.connect(server.url())
    try:
        maintenance.autocommit = True  # CREATE DATABASE runs in no transaction
        with maintenance.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        maintenance.close()
    return server.url(DATABASE)


def secret_of(url: str) -> dict[str, str | int]:
    """The database's address as a secret of the shape that RDS uses."""
    settings = DatabaseSettings.from_url(url)
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.dbname,
        "username": settings.username,
        "password": settings.password,
    }
