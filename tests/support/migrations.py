"""Bringing a test database to the newest schema."""

from __future__ import annotations

from contextlib import closing

import psycopg2

from muster.store.migrate import migrate


def migrate_database(url: str) -> None:
    """Run the product's migrations on the database of this libpq URL."""
    with closing(psycopg2.connect(url)) as connection:
        migrate(connection)
