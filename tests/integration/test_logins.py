"""Logins of components: made by the migration of a deploy, told by their secrets, renewed by a command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from moto import mock_aws

from lambdas.register.handler import handler
from local.database import secret_of
from local.postgres import Postgres
from muster.cli.main import main
from muster.contracts import DatabaseEnvironment, RegisterEnvironment
from muster.database_roles import DatabaseRole
from muster.errors import ConfigurationError
from muster.registration import RegistrationFailed
from muster.registration.host import registration_service
from muster.store.connection import administer
from muster.store.logins import make_login
from muster.store.opening import open_database
from muster.store.settings import DatabaseSettings
from muster.store.statements import statements
from tests.support.clerk import query

EVENT = Path(__file__).parents[1] / "events" / "registration" / "create.json"
STAGE = "kept-1"
ALIVE = statements("renewals")["answers"]


class Context:
    """Lambda's, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture
def secrets(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager with what the stacks put there, and the register function's environment."""
    environment = RegisterEnvironment(
        stage=STAGE, database_secret="owner", database_tls="disable", code_version="0"
    ).to_environment()
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name, value in {**dict.fromkeys(keys, "testing"), **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    registration_service.cache_clear()
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="owner", SecretString=json.dumps(secret_of(database_url)))
        for role in DatabaseRole:
            made = {"username": role.login(STAGE), "password": f"made by the stack for {role}"}
            client.create_secret(Name=role.secret_name(STAGE), SecretString=json.dumps(made))
        yield client
    registration_service.cache_clear()


def _secret(client: Any, role: DatabaseRole) -> dict[str, Any]:
    return json.loads(client.get_secret_value(SecretId=role.secret_name(STAGE))["SecretString"])


def _who(secret: dict[str, Any]) -> str:
    """Who the server says that this secret lets in."""
    with closing(psycopg2.connect(
        **{name: secret[name] for name in ("host", "port", "dbname", "password")},
        user=secret["username"],
    )) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute("SELECT current_user")
        return cursor.fetchall()[0][0]


def _migrate() -> None:
    event = json.loads(EVENT.read_text("utf-8"))
    event |= {
        "ResourceType": "Custom::MusterMigration",
        "ResourceProperties": {"Digest": "1", "Logins": {}},
    }
    handler(event, Context())


def test_a_deploy_makes_each_login_and_tells_its_secret_where_the_database_is(secrets: Any):
    # Given the secrets of a stage's stacks, with a password each
    # When CloudFormation has the schema migrated, twice
    _migrate()
    _migrate()
    # Then each secret lets its component in, by the password that was there
    for role in DatabaseRole:
        kept = _secret(secrets, role)
        assert _who(kept) == role.login(STAGE)
        assert kept["password"] == f"made by the stack for {role}"


def test_a_component_whose_password_is_renewed_goes_on(
    secrets: Any, database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given a component that works
    _migrate()
    role = DatabaseRole.WORKER
    environment = DatabaseEnvironment(
        stage=STAGE,
        database_secret=role.secret_name(STAGE),
        database_tls="disable",
        code_version="0",
    )
    from muster.aws.secrets import Secrets

    database = open_database(environment, secrets=Secrets())
    assert database.run(ALIVE)
    before = _secret(secrets, role)
    # When an operator renews the passwords, and its connection ends
    environ = {"DATABASE_URL": database_url}
    capsys.readouterr()
    assert main(["--json", "logins", STAGE, "--renew"], environ=environ) == 0
    database.close()
    # Then it reads its secret anew and goes on; the old password lets nobody in
    assert database.run(ALIVE)
    database.close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        _who(before)
    # And nothing of the new one is shown
    shown = capsys.readouterr().out
    assert [row["written"] for row in json.loads(shown)] == [True, True, True]
    assert _secret(secrets, role)["password"] not in shown


def test_a_database_that_was_restored_elsewhere_gets_its_logins(secrets: Any, database_url: str):
    # Given a server that knows no logins, and secrets that name another one
    _migrate()
    for role in DatabaseRole:
        kept = {**_secret(secrets, role), "host": "gone.invalid"}
        secrets.put_secret_value(SecretId=role.secret_name(STAGE), SecretString=json.dumps(kept))
        query(database_url, f"DROP ROLE {role.login(STAGE)}")
    # When an operator keeps them in the new one
    assert main(["logins", STAGE], environ={"DATABASE_URL": database_url}) == 0
    # Then all are let in there
    assert [_who(_secret(secrets, role)) for role in DatabaseRole] == [
        r.login(STAGE) for r in DatabaseRole
    ]


def test_a_login_without_a_secret_fails_the_deploy_with_its_name(secrets: Any):
    name = DatabaseRole.API.secret_name(STAGE)
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    with pytest.raises(RegistrationFailed, match=name):
        _migrate()


@pytest.fixture
def plain_owner(database_url: str) -> Iterator[DatabaseSettings]:
    """Somebody who may not make roles, as in a database that others run."""
    query(database_url, "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    settings = DatabaseSettings.from_url(database_url)
    yield replace(settings, username="plain", password="plain")
    query(database_url, "DROP ROLE plain")


def test_an_account_that_may_make_no_logins_is_told_what_to_be_given(
    plain_owner: DatabaseSettings,
):
    with (
        closing(administer(plain_owner)) as connection,
        pytest.raises(ConfigurationError, match="CREATEROLE"),
    ):
        make_login(connection, login="x", group="muster_api", password="x")


def test_the_password_itself_never_reaches_the_servers_log(
    secrets: Any, database_url: str, postgres: Postgres
):
    # Given a database whose statements are logged
    name = DatabaseSettings.from_url(database_url).dbname
    query(database_url, f"ALTER DATABASE {name} SET log_statement = 'all'")
    # When logins are made in it
    _migrate()
    # Then the log has the statement, and not the password
    log = postgres.log.read_text("utf-8")
    assert "LOGIN PASSWORD 'SCRAM-SHA-256$" in log
    assert "made by the stack" not in log
