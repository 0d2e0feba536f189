"""Bringing a test database to the newest schema."""

from __future__ import annotations

import importlib
import importlib.util
from contextlib import closing
from pathlib import Path

import psycopg2

_MIGRATIONS = Path(__file__).parents[2] / "muster" / "store" / "migrations"


def migrate_database(url: str) -> None:
    """Run the product's migrations on the database of this libpq URL."""
    if importlib.util.find_spec("muster.store.migrate") is not None:
        importlib.import_module("muster.store.migrate").migrate(url)
        return
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for script in sorted(_MIGRATIONS.glob("*.sql")):
            cursor.execute(script.read_text("utf-8"))
