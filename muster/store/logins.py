"""Keeps the logins of a stage's components: in the group of their role, password and address in a secret."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muster.database_roles import DatabaseRole
from muster.errors import ConfigurationError
from muster.store.statements import statements

if TYPE_CHECKING:
    from psycopg2 import extensions

#: Bytes of a password that is made here.
_PASSWORD_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptLogin:
    """A login that is as its secret says."""

    role: str
    login: str
    secret: str
    #: Whether the secret was written: a new password, or another address of the database.
    written: bool


class Logins:
    """The logins of one stage, in the database of a connection.

    Args:
        connection: of whoever migrates; in autocommit mode, since each step holds by itself.
        read: a secret as it is now.
        write: gives a secret that is there another value.
    """

    def __init__(
        self,
        connection: extensions.connection,
        *,
        stage: str,
        read: Callable[[str], Mapping[str, Any]],
        write: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._connection = connection
        self._stage = stage
        self._read = read
        self._write = write

    def keep(self, *, renew: bool = False) -> list[KeptLogin]:
        """Make what is missing, and bring logins and secrets in line. Safe to repeat, and to break off.

        Args:
            renew: give each login a new password.

        Raises:
            SecretMissing: the stage has no such secret; a deploy makes it.
            SecretsUnavailable: no answer, or refused for now.
            ConfigurationError: the account may not make logins.
        """
        with self._turn():
            return [self._keep(role, renew=renew) for role in DatabaseRole]

    def _keep(self, role: DatabaseRole, *, renew: bool) -> KeptLogin:
        name, login = role.secret_name(self._stage), role.login(self._stage)
        before = self._read(name)
        kept = None if renew else before.get("password")
        password = str(kept or random.token_urlsafe(_PASSWORD_BYTES))
        after = {
            "host": self._connection.info.host,
            "port": self._connection.info.port,
            "dbname": self._connection.info.dbname,
            "username": login,
            "password": password,
        }
        # The login first: broken off here, the next run gives it the secret's password again.
        make_login(self._connection, login=login, group=role.group, password=password)
        written = after != dict(before)
        if written:
            self._write(name, after)
        return KeptLogin(role=role, login=login, secret=name, written=written)

    @contextmanager
    def _turn(self) -> Generator[None]:
        """One at a time: of two new passwords the login would have one, and the secret the other."""
        self._run("take_turn")
        try:
            yield
        finally:
            if not self._connection.closed:
                self._run("end_turn")

    def _run(self, name: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statements("logins")[name].text, {"stage": self._stage})


def make_login(connection: extensions.connection, *, login: str, group: str, password: str) -> None:
    """Make a login of a group, or give it this password.

    Raises:
        ConfigurationError: the account may not make logins.
    """
    from psycopg2 import errors
    from psycopg2.extensions import encrypt_password

    verifier = encrypt_password(password, login, connection, "scram-sha-256")
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                statements("logins")["login_commands"].text,
                {"login": login, "group": group, "verifier": verifier},
            )
            for command in cursor.fetchall()[0]:
                if command is not None:
                    cursor.execute(command)
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"the account that migrates may not make the login {login}: give it CREATEROLE, and "
                f"where another account made the role {group}, GRANT {group} TO it WITH ADMIN OPTION"
            ) from error
