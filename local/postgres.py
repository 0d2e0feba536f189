"""A PostgreSQL server of one's own: a child process on loopback, with its data in one folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from local.ports import LOOPBACK, choose
from local.postgres_binaries import binaries
from muster.errors import ConfigurationError, MusterError

USER = "muster"

_LAUNCHER = Path(__file__).with_name("unprivileged.py")
#: Accounts that root may run the server as; one of them is on every system.
_ACCOUNTS = ("postgres", "nobody")
#: Line of postmaster.pid that holds the server's state, counted from 0.
_STATE_LINE = 7
_POLL_SECONDS = 0.02
_PORT_TRIES = 3


class PostgresError(MusterError):
    """The PostgreSQL server could not be started; its last words are in the message."""

    code = "postgres"


class Postgres:
    """A server in `folder`, which holds its data, its password and its log.

    The server is this process's child. It ends with `stop()`, and on Linux also when the thread that
    started it ends, however that happens: start it from a thread that lives as long as it should.
    """

    def __init__(
        self,
        folder: Path,
        *,
        version: int | None = None,
        port: int | None = None,
        durable: bool = True,
        max_connections: int = 200,
    ) -> None:
        """Describe it; nothing happens before `start()`.

        Args:
            folder: made when missing; the same folder later is the same server with its data.
            version: major version; None is the one of the data, or else the newest at hand.
            port: the port to prefer; any free one when it is None or taken.
            durable: false turns fsync off: quicker, and safe in all but a crash of the machine.
            max_connections: of the server.
        """
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.port = port
        self._version = version
        self._durable = durable
        self._max_connections = max_connections
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int:
        """The server's own pid.

        Raises:
            PostgresError: when it was not started.
        """
        if self._process is None:
            raise PostgresError("The server was not started: call start() first.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def password(self) -> str:
        """Of the user `muster`, the only one; chosen when the data was made."""
        return (self.folder / "password").read_text("ascii")

    def url(self, database: str = "postgres") -> str:
        """The libpq URL of a database, password included."""
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{self.port}/{quote(database)}"

    def start(self, *, timeout: float = 120) -> None:
        """Make the data folder if there is none, start, and return when connections are accepted.

        A server that has run before comes back on its old port.

        Args:
            timeout: seconds until it must be ready; recovery after a crash counts.

        Raises:
            PostgresError: with the log's end, when it does not become ready.
        """
        if self.running:
            return
        self._make_data()
        self._await_predecessor(timeout)
        wanted = self.port
        for attempt in range(1, _PORT_TRIES + 1):
            self.port = choose(wanted)
            try:
                self._launch(timeout)
            except PostgresError:
                if attempt == _PORT_TRIES or not self._lost_the_port():
                    raise
            else:
                return

    def stop(self, *, immediate: bool = False, timeout: float = 20) -> None:
        """End the server and wait for it; nothing happens if it does not run.

        Args:
            immediate: end without a checkpoint, as a crash would; the next start recovers.
            timeout: seconds that a clean end may take before it becomes an immediate one.
        """
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        steps = (signal.SIGQUIT, signal.SIGKILL)
        for number in steps if immediate else (signal.SIGINT, *steps):
            process.send_signal(number)
            try:
                process.wait(None if number == signal.SIGKILL else timeout)
            except subprocess.TimeoutExpired:
                continue
            return

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again on the same data and port."""
        self.stop(immediate=immediate)
        self.start()

    def _make_data(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted initdb left
        self.data.mkdir(parents=True, mode=0o700)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), "ascii")
        account = self._account()
        if account != "-":
            shutil.chown(self.data, account)
            shutil.chown(password, account)
        command = [
            *(str(binaries(self._version) / "initdb"), "--pgdata", str(self.data)),
            *("--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--no-instructions", "--no-sync"),
        ]
        done = subprocess.run(
            self._launched(command), cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise PostgresError(f"initdb failed ({done.returncode}): {done.stderr.strip()}")

    def _launch(self, timeout: float) -> None:
        version = int((self.data / "PG_VERSION").read_text("ascii"))
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": self._max_connections,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries(version) / "postgres"), "-D", str(self.data), *options]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._launched(command),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C reaches us, and we stop it in order
            )
        self._await_ready(timeout)

    def _launched(self, command: list[str]) -> list[str]:
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        return [*launcher, str(os.getpid()), self._account(), *command]

    def _account(self) -> str:
        if os.geteuid() != 0:
            return "-"
        import pwd

        known = {entry.pw_name for entry in pwd.getpwall()}
        for name in _ACCOUNTS:
            if name in known:
                return name
        raise ConfigurationError(
            f"PostgreSQL refuses to run as root, and there is no account {' or '.join(_ACCOUNTS)} "
            "to change to: run this as an ordinary user."
        )

    def _await_ready(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self._server_state() != "ready":
            if not self.running:
                raise PostgresError(f"PostgreSQL did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                self.stop(immediate=True)
                raise PostgresError(f"Not ready after {timeout:g} s: {self._last_words()}")
            time.sleep(_POLL_SECONDS)

    def _server_state(self) -> str:
        """What our server says of itself in postmaster.pid: `starting`, `ready`, `stopping`."""
        lines = self._pid_file()
        ours = bool(lines) and lines[0].strip() == str(self.process_id)
        return lines[_STATE_LINE].strip() if ours and len(lines) > _STATE_LINE else ""

    def _await_predecessor(self, timeout: float) -> None:
        """Let a server on the same data end: it was told to when its starter died."""
        deadline = time.monotonic() + timeout
        while lines := self._pid_file():
            pid = lines[0].strip()
            if not _is_postgres(pid):
                return  # stale: the server itself replaces it
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"Process {pid} still serves {self.data}: stop it with `kill -INT {pid}`."
                )
            time.sleep(_POLL_SECONDS)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _lost_the_port(self) -> bool:
        return "could not bind" in self._last_words()

    def _last_words(self) -> str:
        return self.log.read_text("utf-8", errors="replace")[-2000:].strip()


def _is_postgres(pid: str) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "comm=", "-p", pid], capture_output=True, text=True, check=False
    )
    return "postgres" in listed.stdout
