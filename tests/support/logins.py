"""Logins of the components in test databases: who works there has the rights that it has when deployed."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit

import psycopg2

from muster.database_roles import DatabaseRole
from muster.store.logins import make_login

_STAGE = "test"
_PASSWORD = "test"
#: The first PostgreSQL that lets a password be proven in fewer rounds of hashing than 4,096.
_ROUNDS_ARE_A_SETTING = 160000

WORKER, DISPATCHER, API = DatabaseRole.WORKER, DatabaseRole.DISPATCHER, DatabaseRole.API


def as_login(url: str, role: DatabaseRole) -> str:
    """The same database, as a component of that role gets in."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role.login(_STAGE)}:{_PASSWORD}@{address}").geturl()


def make_logins(url: str) -> None:
    """Let `as_login` into the migrated databases of this server."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        if connection.server_version >= _ROUNDS_ARE_A_SETTING:
            with connection.cursor() as cursor:  # a listener alone connects ten times
                cursor.execute("SET scram_iterations = 1")
        for role in DatabaseRole:
            make_login(connection, login=role.login(_STAGE), group=role.group, password=_PASSWORD)
