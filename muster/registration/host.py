"""Composes the registration service of a Lambda function from its environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from muster.contracts import RegisterEnvironment
from muster.errors import StoreUnavailable
from muster.ports import Secrets
from muster.registration.service import RegistrationService
from muster.store.connection import administer
from muster.store.settings import DatabaseSettings

if TYPE_CHECKING:
    from psycopg2 import extensions


@cache
def registration_service() -> RegistrationService:
    """The service of this process; nothing is reached before the first request asks for it."""
    from muster.aws.s3 import Objects
    from muster.aws.secrets import Secrets as SecretsManager
    from muster.clock import SystemClock
    from muster.log import logger

    environment = RegisterEnvironment.from_environ(os.environ)
    secrets = SecretsManager()
    return RegistrationService(
        connect=connector(environment, secrets=secrets),
        objects=Objects(),
        clock=SystemClock(),
        log=logger("register"),
        keep_logins=login_keeper(environment.stage, secrets=secrets),
        root=Path(os.environ.get("LAMBDA_TASK_ROOT", ".")),
    )


def connector(
    environment: RegisterEnvironment, *, secrets: Secrets
) -> Callable[[float], extensions.connection]:
    """Opens connections; after one that failed the secret is read anew, since it may have been rotated."""
    failed = False

    def connect(seconds: float) -> extensions.connection:
        nonlocal failed
        read = secrets.refresh if failed else secrets.get
        settings = DatabaseSettings.from_secret(
            read(environment.database_secret), tls=environment.database_tls
        )
        try:
            connection = administer(settings, call_seconds=seconds)
        except StoreUnavailable:
            failed = True
            raise
        failed = False
        return connection

    return connect


def login_keeper(stage: str, *, secrets: Secrets) -> Callable[[extensions.connection], object]:
    """Keeps the stage's logins; the secrets are read as they are at that moment."""
    from muster.aws.secret_keeper import SecretKeeper
    from muster.store.logins import Logins

    def keep(connection: extensions.connection) -> object:
        connection.autocommit = True
        return Logins(
            connection, stage=stage, read=secrets.refresh, write=SecretKeeper().replace
        ).keep()

    return keep
