"""Faults of the database: it is away, its password changes, it is restored from a backup."""

from __future__ import annotations

import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2

from local.database import DATABASE, secret_of
from local.postgres_binaries import binaries
from muster.cli.exit import Exit
from muster.store.settings import DatabaseSettings
from stacks.config import LOCAL_DATABASE
from tests.support.cloud import wait_for
from tests.support.gameday.alarm import Metric
from tests.support.gameday.game import Game

PROFILE = "document-profile"
_RESTORED = "muster_restored"
_STAGE = "local"


def away(game: Game) -> None:
    """The server refuses everybody."""
    game.agents.add(PROFILE)
    errors = _errors_of_the_api(game)
    game.minute()
    game.muster("agents", "list")
    with game.soon_again(PROFILE), _shut(game):
        job = game.send(PROFILE, game.job("meanwhile"), text="hello")
        # A tick that cannot reach the database says so as long as it may: one is waited for.
        game.tick()
        # (One that was under way still tells that it has ended.)
        game.look_until("dispatcher-silent", "dispatcher")
        for _ in range(2):
            game.look(fed={errors: _refused_calls(game, 5)})
            game.look(4)
        game.met("api-errors", "api")
        gone = (Exit.UNAVAILABLE,)
        game.follow("database-away", "Look", away=(*gone, Exit.OK))
        game.follow("api-errors", away=gone)
    game.follow("database-away", "When it is back")
    game.until(job, "completed")
    game.minute(2)
    game.look(4)
    game.over("dispatcher-silent", "dispatcher")
    game.over("api-errors", "api")


def rotated(game: Game) -> None:
    """Secrets are rotated; the database's by hand, with a moment in which the secret is wrong."""
    game.agents.add(PROFILE)
    hook, name = "takes-deliveries", "demo"
    key = json.loads(game.muster("keys", "create", game.run, "--role", "viewer", "--json").out)
    game.follow("secret-rotation", "A webhook's secret", agent=hook, webhook=name)
    game.follow("secret-rotation", "An API key", key=key["key_id"])
    secrets = game.copy.aws.client("secretsmanager")
    own = f"gameday/{game.run}"
    secrets.create_secret(Name=own, SecretString="old")
    game.follow("secret-rotation", "An agent's own secret", agent_secret=own, value="new")
    assert secrets.get_secret_value(SecretId=own)["SecretString"] == "new"
    before = DatabaseSettings.from_url(game.database_url)
    after = replace(before, password=f"rotated-{game.run}")
    _set_password(game, after.password)
    try:
        # Everybody has to connect again; whoever uses that password is refused
        _end_sessions(game, after)
        with game.soon_again(PROFILE), game.at(_url(after)):
            job = game.send(PROFILE, game.job("rotated"), text="hello")
            game.follow(
                "secret-rotation", "The database's password",
                database_secret=LOCAL_DATABASE, database=_secret(after),
            )  # fmt: skip
            game.until(job, "completed")
            game.minute()
            assert game.ticked()
    finally:
        with game.at(_url(after)):
            _set_password(game, before.password)
        secrets.put_secret_value(SecretId=LOCAL_DATABASE, SecretString=_secret(before))
    _end_sessions(game, before)
    game.until(game.send(PROFILE, game.job("back"), text="hello"), "completed")
    with game.soon_again(PROFILE):
        game.follow("secret-rotation", "The logins of components", stage=_STAGE)
        # Everybody has to connect again, by the old password
        _end_sessions(game, before)
        game.until(game.send(PROFILE, game.job("renewed"), text="hello"), "completed")
        game.minute()
        assert game.ticked()


def restored(game: Game) -> None:
    """The ledger is gone, and comes back from its last dump beside the old one."""
    game.agents.add(PROFILE)
    kept, lost, later = (game.job(name) for name in ("kept", "lost", "later"))
    game.until(game.send(PROFILE, kept, text="hello"), "completed")
    with tempfile.TemporaryDirectory(prefix="muster-gameday-") as folder:
        dump = Path(folder) / "ledger.dump"
        _run("pg_dump", "--format=custom", f"--file={dump}", game.database_url)
        game.until(game.send(PROFILE, lost, text="hello"), "completed")
        here = DatabaseSettings.from_url(game.database_url)
        there = replace(here, dbname=_RESTORED)
        with game.soon_again(PROFILE), _shut(game), game.at(_url(there)):
            game.send(PROFILE, later, text="hello")
            _as_administrator(game, f"DROP DATABASE IF EXISTS {_RESTORED}")
            _as_administrator(game, f"CREATE DATABASE {_RESTORED}")
            _run("pg_restore", "--no-owner", f"--dbname={_url(there)}", str(dump))
            try:
                game.follow(
                    "restore",
                    database_secret=LOCAL_DATABASE, database=_secret(there), stage=_STAGE,
                )  # fmt: skip
                # What waited runs and is recorded, what was recorded is known, what came after is not
                game.until(later, "completed")
                assert game.row(kept)["status"] == "completed"
                assert not game.row(lost)
                game.send(PROFILE, kept, text="hello")
                wait_for(lambda: _duplicates(game, kept), what="the copy to be recognised")
                game.until(game.send(PROFILE, lost, text="hello"), "completed")
                game.minute()
                assert game.ticked()
                game.holds()
            finally:
                secrets = game.copy.aws.client("secretsmanager")
                secrets.put_secret_value(SecretId=LOCAL_DATABASE, SecretString=_secret(here))
    # The old one is let in again, for whoever plays next. The other goes first: who knows it stays there.
    game.accepted.remove(later)  # recorded in the other one
    game.muster("logins", _STAGE)
    _as_administrator(game, f"DROP DATABASE {_RESTORED} WITH (FORCE)")
    with game.soon_again(PROFILE):
        game.until(game.send(PROFILE, game.job("again"), text="hello"), "completed")


# --- the server ---


def _as_administrator(game: Game, statement: str, settings: DatabaseSettings | None = None) -> None:
    url = _url(replace(settings or DatabaseSettings.from_url(game.database_url), dbname="postgres"))
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _end_sessions(game: Game, settings: DatabaseSettings) -> None:
    _as_administrator(
        game,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname IS NOT NULL AND pid <> pg_backend_pid()",
        settings,
    )


@contextmanager
def _shut(game: Game) -> Iterator[None]:
    """Nobody is let into the ledger's database."""
    settings = DatabaseSettings.from_url(game.database_url)
    _as_administrator(game, f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false", settings)
    _end_sessions(game, settings)
    try:
        yield
    finally:
        _as_administrator(game, f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true", settings)


def _set_password(game: Game, password: str | None) -> None:
    game.query(f"ALTER ROLE muster PASSWORD '{password}'")


def _url(settings: DatabaseSettings) -> str:
    return (
        f"postgresql://{settings.username}:{settings.password}@{settings.host}:{settings.port}"
        f"/{settings.dbname}"
    )


def _secret(settings: DatabaseSettings) -> str:
    return json.dumps(secret_of(_url(settings)))


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(binaries() / program), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _duplicates(game: Game, job: str) -> bool:
    sql = (
        "SELECT 1 FROM execution_event v JOIN agent_job_execution e USING (execution_id)"
        " WHERE e.job_id = %s AND v.kind = 'duplicate'"
    )
    return bool(game.query(sql, job))


# --- the API ---


def _errors_of_the_api(game: Game) -> Metric:
    return game.alarm("api-errors", "api").series["watched"].metric


def _refused_calls(game: Game, times: int) -> float:
    """Calls that the deployed API answers with 500 and above, at once: its gateway here counts none."""
    url = f"{game.copy.described['api_url']}/health/ready"
    with ThreadPoolExecutor(times) as callers:
        return sum(callers.map(_is_refused, [url] * times))


def _is_refused(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=60).close()
    except urllib.error.HTTPError as error:
        with error:
            return error.code >= 500
    return False
