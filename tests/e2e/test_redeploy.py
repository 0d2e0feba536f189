"""What a second deploy changes: nothing, or exactly what was asked, or nothing because it failed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy, until
from tests.support.gameday import deploys
from tests.support.gameday.game import Game
from tests.support.gameday.play import undone

#: Every table of ours; partitions are seen through their parents.
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
    " AND relnamespace = 'public'::regnamespace ORDER BY relname"
)
#: Tables in which a deploy and the dispatcher keep their own books, and listeners their heartbeats
#: and what became of them.
_BOOKKEEPING = (
    *("lease", "registration", "agent_instance", "agent_endpoint_health", "job_key_sweep"),
    "lane_depth",
    "fleet_event",
)
#: What the clock changes, deploy or not: the executions of the agent with a schedule, and when it is due.
_ROWS = {
    "agent_job_execution": "agent_id <> 'keeps-time'",
    "execution_event": "agent_id <> 'keeps-time'",
    "job_key": "agent_id <> 'keeps-time'",
}
_DEPTHS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
_COLUMNS = {"agent_schedule": "{next_at,last_planned_at,updated_at}"}


#: What earlier tests have left to workers and the dispatcher: its rows still change, deploy or not.
_UNDONE = (
    "SELECT agent_id, job_id, status FROM agent_job_execution"
    " WHERE (status IN ('pending', 'running') OR dlq_pending) AND agent_id <> 'keeps-time'"
)


def _at_rest(deployed: DeployedCopy) -> None:
    """Wait until every job of earlier tests has ended, and every message of theirs is gone."""
    sqs = deployed.aws.client("sqs")
    lanes = [
        url
        for agent, described in deployed.described["agents"].items()
        if agent != "keeps-time"
        for url in described["queues"].values()
    ]

    def quiet() -> bool:
        if deployed.query(_UNDONE):
            return False
        return not any(
            int(depth)
            for url in lanes
            for depth in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_DEPTHS)[
                "Attributes"
            ].values()
        )

    wait_for(quiet, what="the end of every job", timeout=600)


def _differences(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, dict[str, list[str]]]:
    """What only one of two contents holds, table by table."""
    return {
        table: {"gone": sorted(old - new), "new": sorted(new - old)}
        for table in before.keys() | after.keys()
        if (old := set(before.get(table, []))) != (new := set(after.get(table, [])))
    }


def _contents(deployed: DeployedCopy) -> dict[str, list[str]]:
    """Every row of every table as text."""
    tables = [name for (name,) in deployed.query(_TABLES) if not name.startswith(_BOOKKEEPING)]
    assert {"agent_registry", *_ROWS, *_COLUMNS} <= set(tables)
    return {
        table: sorted(
            row
            for (row,) in deployed.query(
                f"SELECT (to_jsonb(t) - %s::text[])::text FROM {table} t"
                f" WHERE {_ROWS.get(table, 'true')}",
                _COLUMNS.get(table, "{}"),
            )
        )
        for table in tables
    }


@contextmanager
def _changed(path: Path, old: str, new: str) -> Iterator[None]:
    """The file with a replacement, restored afterwards."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def _removed(folder: Path, elsewhere: Path) -> Iterator[None]:
    """The folder gone, and back afterwards."""
    shutil.move(folder, elsewhere)
    try:
        yield
    finally:
        shutil.move(elsewhere, folder)


def _run_job(deployed: DeployedCopy, job_id: str) -> dict[str, object]:
    """The result of a job of `document-profile`."""
    sent = deployed.muster(
        "send", "document-profile", "--job-id", job_id, "--params", '{"text":"x"}'
    )
    assert sent.returncode == 0, sent.stderr
    sql = "SELECT result FROM agent_job_execution WHERE job_id = %s AND status = 'completed'"
    ((result,),) = wait_for(lambda: deployed.query(sql, job_id), what="the job's end")
    return result


def test_an_up_that_is_killed_leaves_the_cloud_and_the_same_again_changes_no_row(
    deployed: DeployedCopy,
):
    # Given a deployed cloud at rest, and another `up` in the middle of its deploy
    _at_rest(deployed)
    before = _contents(deployed)
    outputs = deployed.described["stacks"]
    state = deployed.cloud.state()
    up = deployed.start("-m", "local.cli", "up")
    until(up, "Deploying")
    # When that is killed
    os.killpg(up.pid, signal.SIGKILL)
    up.wait()
    # Then its deploy ends with it, and the cloud is the same
    wait_for(
        lambda: not any("cdk deploy" in c or "app.py" in c for c in deployed.processes().values()),
        what="the deploy's end",
    )
    assert deployed.cloud.state() == state
    # And when the same thing is deployed again, not a row differs, and neither does an output
    deployed.up()
    assert _differences(before, _contents(deployed)) == {}
    assert deployed.described["stacks"] == outputs


def test_a_changed_line_is_live_and_a_removed_agent_retired_until_both_are_back(
    deployed: DeployedCopy, tmp_path: Path
):
    # Given an agent whose code has changed, and another with a finished job whose folder is removed
    queue = deployed.described["agents"]["fails-twice"]["queue_url"]
    sent = deployed.muster("send", "fails-twice", "--job-id", "before-removal")
    assert sent.returncode == 0, sent.stderr
    history = "SELECT status FROM agent_job_execution WHERE job_id = 'before-removal'"
    wait_for(lambda: deployed.query(history) == [("completed",)], what="the job's end")
    changed = deployed.agents / "document-profile" / "agent.py"
    removed = deployed.path / "local" / "agents" / "fails-twice"
    with (
        _changed(changed, '"type": str(kind),', '"type": str(kind), "changed": True,'),
        _removed(removed, tmp_path / "fails-twice"),
    ):
        # When that is deployed, and a straggler sends to the removed agent's queue
        deployed.up()
        sqs = deployed.aws.client("sqs")
        sqs.send_message(QueueUrl=queue, MessageBody='{"late": true}')
        # Then the changed agent's next job runs the new code
        assert _run_job(deployed, "changed-line")["changed"] is True
        # And the removed one is retired, its queue holds the message, its history is there
        assert "fails-twice" not in deployed.described["agents"]
        row = "SELECT active, retired_at IS NOT NULL FROM agent_registry WHERE agent_id = 'fails-twice'"
        assert deployed.query(row) == [(False, True)]
        told = sqs.get_queue_attributes(
            QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert told["Attributes"]["ApproximateNumberOfMessages"] == "1"
        assert deployed.query(history) == [("completed",)]
        # And `muster send` says that nobody would take a job
        refused = deployed.muster("send", "fails-twice")
        assert refused.returncode == 2
        assert "retired" in refused.stderr
    # And when both are as they were, that is live, and the records say which code ran
    deployed.up()
    assert deployed.query(row) == [(True, False)]
    assert "changed" not in _run_job(deployed, "line-restored")
    sql = "SELECT code_version FROM agent_job_execution WHERE job_id = ANY(%s)"
    versions = deployed.query(sql, ["changed-line", "line-restored"])
    assert len(set(versions)) == 2


@pytest.fixture
def contested(deployed: DeployedCopy) -> Iterator[Path]:
    """The folder of a new agent whose id belongs to another stack already."""
    source = deployed.path / "local" / "agents" / "always-fails"
    folder = source.with_name("contested")
    shutil.copytree(source, folder)
    manifest = folder / "agent.toml"
    manifest.write_text(manifest.read_text().replace('id = "always-fails"', 'id = "contested"'))
    deployed.query(
        "INSERT INTO agent_registry (agent_id, agent_version, compute, owner)"
        " VALUES ('contested', '9.0.0', 'lambda', 'another-stack')"
    )
    yield folder
    shutil.rmtree(folder)
    deployed.query("DELETE FROM agent_registry WHERE agent_id = 'contested'")


def test_a_failing_registration_rolls_back_and_says_why(deployed: DeployedCopy, contested: Path):
    # Given a deploy whose registration will be refused
    _at_rest(deployed)
    before = _contents(deployed)
    queues = deployed.aws.client("sqs").list_queues()["QueueUrls"]
    # When it is tried
    failed = deployed.muster("up")
    # Then it fails, and names agent and owner
    assert failed.returncode == 1
    assert "contested" in failed.stderr
    assert "another-stack" in failed.stderr
    assert "Traceback" not in failed.stderr
    # And the registry is as it was, the new agent's function is gone, and no old queue is
    assert _differences(before, _contents(deployed)) == {}
    functions = deployed.aws.client("lambda").list_functions()["Functions"]
    assert not [f for f in functions if "contested" in f["FunctionName"]]
    assert set(queues) <= set(deployed.aws.client("sqs").list_queues()["QueueUrls"])
    # And the runbook (failed-deploy.md) shows why, and that the version before does jobs
    game = Game(copy=deployed)
    deploys.seen(game)
    assert undone(["failed-deploy"], game.done) == []
    game.holds()
    # And mended, it deploys
    shutil.move(contested, contested.parent.parent / "gone")
    deployed.up()
    shutil.move(contested.parent.parent / "gone", contested)


def test_a_broken_manifest_is_named_before_anything_is_touched(deployed: DeployedCopy):
    # Given a manifest with two mistakes
    manifest = deployed.agents / "document-profile" / "agent.toml"
    with _changed(manifest, 'timeout = "20s"', 'timeout = "20 minutes"\nretires = 3'):
        # When it is deployed
        failed = deployed.muster("up")
    # Then both are told, and the running cloud is untouched
    assert failed.returncode == 1
    assert "timeout" in failed.stderr
    assert "retires" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert json.loads(deployed.muster("status", "--json").stdout)["emulator_answers"] is True
