"""The embedded Postgres: found in every version, survives a crash, and dies with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from local.postgres import Postgres, PostgresError
from local.postgres_binaries import binaries, installed
from local.process.identity import ProcessIdentity
from muster.errors import ConfigurationError
from tests.support.cloud import wait_for

ROOT = Path(__file__).parents[2]


def _execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_every_database_is_migrated_and_the_tests_own(each_database_url: str):
    # Given a database of this test / When its tables are listed
    rows = _execute(
        each_database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    # Then the ledger is there, whatever the version
    assert {("agent_registry",), ("job_key",), ("agent_job_execution",)} <= set(rows)


def test_what_was_committed_survives_a_crash_on_the_same_port(own_postgres: Postgres):
    # Given a committed row
    url = own_postgres.url("muster")
    _execute(url, "CREATE TABLE kept AS SELECT 1 AS one")
    # When the server crashes and comes back
    own_postgres.restart(immediate=True)
    # Then the same URL finds the row
    assert _execute(url, "SELECT one FROM kept") == [(1,)]


def test_it_listens_on_loopback_only_and_asks_for_the_password(own_postgres: Postgres):
    # Given a running server / When its listeners and sockets are read
    [(addresses, sockets)] = _execute(
        own_postgres.url(),
        "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')",
    )
    # Then there is one, on loopback, and a wrong password is refused
    assert (addresses, sockets) == ("127.0.0.1", "")
    wrong = own_postgres.url().replace(own_postgres.password, "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)


def test_it_never_runs_as_root(own_postgres: Postgres):
    # Given a server, whoever started it / When the owner of its process is asked for
    listed = subprocess.run(
        ["ps", "-o", "uid=", "-p", str(own_postgres.process_id)],
        capture_output=True,
        text=True,
        check=True,
    )
    # Then it is not root
    assert int(listed.stdout) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_ends_when_its_parent_is_killed(tmp_path: Path):
    # Given a server that another process started
    script = (
        "import sys, time; from pathlib import Path; from local.postgres import Postgres\n"
        "server = Postgres(Path(sys.argv[1]), durable=False); server.start()\n"
        "print(server.process_id, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        server = ProcessIdentity.of(int(parent.stdout.readline()))
        # When that process is killed without any chance to clean up
        parent.kill()
    # Then the server ends (who adopts it may be slow to bury it), and the next one starts on its data
    wait_for(lambda: not server.alive(), what="the end of the server")
    successor = Postgres(tmp_path, durable=False)
    successor.start()
    successor.stop()


def test_a_server_that_hangs_is_still_stopped(own_postgres: Postgres):
    # Given a server that answers no signal but SIGKILL
    pid = own_postgres.process_id
    os.kill(pid, signal.SIGSTOP)
    # When it is stopped
    own_postgres.stop(timeout=0.2)
    # Then it is gone
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_error_of_a_failed_start_holds_the_servers_own_words(tmp_path: Path):
    # Given data that is no database
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text(str(max(installed())))
    (tmp_path / "password").write_text("x")
    # When it is started / Then the log's end is in the error
    with pytest.raises(PostgresError, match="did not start: .*(directory|configuration)"):
        Postgres(tmp_path).start()


def test_an_unknown_version_names_those_at_hand():
    with pytest.raises(ConfigurationError, match="No PostgreSQL 9 found; at hand: .*18"):
        binaries(9)
