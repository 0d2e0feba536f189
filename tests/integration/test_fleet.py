"""The local cloud keeps a process for each deployed listener."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from local.aws import LocalAws
from local.checkout import Checkout
from local.listener.definition import Definition, write
from local.listener.fleet import Fleet
from local.listener.launched import launched_tasks
from muster.store.instances import Instance, Instances
from tests.support.clerk import database_of
from tests.support.cloud import PATIENCE, wait_for

#: Writes down what it was given, and ends at the first SIGTERM, or at the second when it is told so.
PROGRAM = """
import os, signal, sys, pathlib
folder = pathlib.Path(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # one that comes before it is waited for stays
def mark(kind, *facts):
    draft = folder / f"{os.getpid()}.draft"
    draft.write_text("\\n".join(facts))
    draft.rename(folder / f"{os.getpid()}.{kind}")
told = [os.environ[name] for name in ("MUSTER_HTTP_PORT", "AWS_ENDPOINT_URL", "NAME")]
mark("run", str(os.getpid()), *told, sys.executable)
signals = [signal.sigwait({signal.SIGTERM}) for _ in range(int(sys.argv[2]))]
mark("end", str(len(signals)))
"""


class Stage:
    """A fleet whose listeners leave marks in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        checkout = Checkout(root=folder, state=folder)
        checkout.logs.mkdir()
        #: Where launched tasks are looked for.
        self.ledger: str | None = None
        self.patience: float = PATIENCE
        self.fleet = Fleet(
            checkout=checkout,
            aws=LocalAws(endpoint="http://127.0.0.1:1"),
            launched=lambda: (
                launched_tasks(self.ledger, patience=self.patience) if self.ledger else []
            ),
            hand_back=PATIENCE,
        )

    def deploy(self, *definitions: Definition) -> None:
        write(self.fleet.file, list(definitions))

    def definition(self, name: str, *, signals: int = 1) -> Definition:
        return Definition(
            agent_id="one",
            arn=name,
            command=("python", "-c", PROGRAM, str(self.folder), str(signals)),
            environment={"NAME": name, "MUSTER_AGENT_ID": "one"},
        )

    def marks(self, kind: str) -> list[list[str]]:
        return [path.read_text().split("\n") for path in sorted(self.folder.glob(f"*.{kind}"))]

    def wait(self, kind: str, count: int) -> None:
        """Look after the fleet until so many marks of that kind are there."""

        def reached() -> bool:
            self.fleet.look()
            return len(self.marks(kind)) >= count

        wait_for(reached, what=f"{count} x {kind}")


@pytest.fixture
def stage(tmp_path: Path) -> Generator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.ledger = None  # its database is gone
    stage.fleet.stop()


def test_a_deployed_listener_runs_with_its_environment_and_a_port_of_its_own(stage: Stage):
    # Given a deployed listener
    stage.deploy(stage.definition("first"))
    # When the fleet is looked after
    stage.wait("run", 1)
    # Then one process runs, by this interpreter, with what its task would have
    ((_, port, endpoint, name, program),) = stage.marks("run")
    assert (name, endpoint, program) == ("first", "http://127.0.0.1:1", sys.executable)
    assert int(port) == stage.fleet.tasks[0].port > 0


def test_a_listener_that_is_killed_is_started_again(stage: Stage):
    # Given a listener that runs
    stage.deploy(stage.definition("first"))
    stage.wait("run", 1)
    ((pid, *_),) = stage.marks("run")
    # When it is killed
    os.kill(int(pid), signal.SIGKILL)
    # Then another takes its place
    stage.wait("run", 2)
    assert stage.fleet.tasks[0].starts == 2


def test_a_new_deployment_drains_the_old_one(stage: Stage):
    # Given a listener that runs
    old = stage.definition("old")
    stage.deploy(old)
    stage.wait("run", 1)
    # When another revision is deployed
    stage.deploy(replace(stage.definition("new"), arn="new:2"))
    stage.wait("end", 1)
    stage.wait("run", 2)
    # Then the old one ended by itself, and the new one runs
    assert {mark[3] for mark in stage.marks("run")} == {"old", "new"}
    assert [task.definition.arn for task in stage.fleet.tasks] == ["new:2"]


def test_a_listener_that_is_removed_ends_and_none_follows(stage: Stage):
    # Given a listener that runs
    stage.deploy(stage.definition("first"))
    stage.wait("run", 1)
    # When its agent is removed
    stage.deploy()
    stage.wait("end", 1)
    # Then no process is left
    wait_for(lambda: not stage.fleet.look() and not list(stage.fleet.children), what="nobody")


def test_stopping_asks_twice(stage: Stage):
    # Given a listener that would drain for long
    stage.deploy(stage.definition("first", signals=2))
    stage.wait("run", 1)
    # When the cloud stops
    stage.fleet.stop()
    # Then it is asked to drain, and then to hand back
    assert stage.marks("end") == [["2"]]


def test_what_listeners_launched_hands_back_and_ends_with_the_cloud(
    stage: Stage, database_url: str
):
    # Given a task that a listener launched, which ends when it is asked twice, and a process whose pid was
    # a task's before: the ledger knows both
    stage.ledger = database_url
    program = [sys.executable, "-c", PROGRAM, str(stage.folder), "2"]
    environment = {**os.environ, "MUSTER_HTTP_PORT": "0", "AWS_ENDPOINT_URL": "", "NAME": "task"}
    task = subprocess.Popen([*program, "ecs_listener.one_job"], env=environment)
    other = subprocess.Popen(program, env=environment)
    try:
        stage.wait("run", 2)
        for number, process in enumerate((task, other)):
            _beats(database_url, f"tester-{number}", process.pid)
        # When the cloud stops
        stage.fleet.stop()
        # Then the task has ended by itself, and the other process was told nothing
        assert task.wait(PATIENCE) == 0
        assert stage.marks("end") == [["2"]]
        assert other.poll() is None
    finally:
        for process in (task, other):
            process.kill()
            process.wait()


def test_a_ledger_that_is_away_keeps_no_cloud_from_stopping(stage: Stage):
    stage.ledger, stage.patience = "postgresql://nobody:none@127.0.0.1:1/none", 2
    stage.deploy(stage.definition("first"))
    stage.wait("run", 1)
    stage.fleet.stop()
    assert len(stage.marks("end")) == 1


def _beats(url: str, instance_id: str, pid: int) -> None:
    database = database_of(url)
    Instances(database).beat(
        Instance(
            instance_id=instance_id,
            agent_id="tester",
            hostname=socket.gethostname(),
            pid=pid,
            version="1.0.0",
            code_version="test",
        ),
        status="running",
        running_jobs=1,
    )
    database.close()
