"""`muster schedules` on a real database and queues: what is planned, and what operators do about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.endpoint.client import Endpoint, running_endpoint
from muster.cli import main
from muster.cli.exit import Exit
from tests.support.clerk import query

#: Runs `muster schedules …`; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as running:
        yield running


@pytest.fixture
def lane(endpoint: Endpoint, request: pytest.FixtureRequest) -> str:
    """The queue of the agent `feeds`."""
    return endpoint.create(request.node.name[:70].replace("[", "-").rstrip("]"))


@pytest.fixture
def schedules(
    database_url: str,
    endpoint: Endpoint,
    lane: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """The command where the agent `feeds` has an hourly schedule."""
    told = {"type": "sqs", "queues": {"normal": lane}, "dlq": lane}
    query(
        database_url,
        "INSERT INTO agent_registry (agent_id, endpoint) VALUES ('feeds', %s)",
        json.dumps(told),
    )
    query(
        database_url,
        "INSERT INTO agent_schedule (agent_id, name, expression, timezone, params)"
        """ VALUES ('feeds', 'hourly', '0 * * * *', 'Europe/Riga', '{"n": 1}')""",
    )
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*argv: str) -> tuple[int, Any, str]:
        code = main(["schedules", *argv, "--json"], environ={"DATABASE_URL": database_url})
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def _messages(endpoint: Endpoint, lane: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := endpoint.call("ReceiveMessage", QueueUrl=lane, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        found += [json.loads(message["Body"]) for message in more]
    return found


def _backfill(schedules: Run, *options: str, hours: int = 3) -> tuple[int, Any, str]:
    first, to = f"2026-01-10T{10:02}:00:00", f"2026-01-10T{10 + hours:02}:00:00"
    return schedules("backfill", "feeds", "hourly", "--from", first, "--to", to, *options)


def test_schedules_are_listed_with_their_state_and_next_time(schedules: Run):
    code, rows, _ = schedules("list", "feeds")
    assert code == Exit.OK
    assert [(row["name"], row["state"], row["expression"]) for row in rows] == [
        ("hourly", "on", "0 * * * *")
    ]
    assert schedules("list", "nobody")[1] == []


def test_the_coming_times_are_shown_in_the_zone_and_in_utc_with_what_clocks_do(schedules: Run):
    after = "2026-03-29T02:30:00"
    code, rows, _ = schedules("next", "feeds", "hourly", "--after", after, "--count", "2")
    assert code == Exit.OK
    assert [(row["utc"], row["local"], row["note"]) for row in rows] == [
        (None, "2026-03-29T03:00:00", "skipped: clocks go from +02:00 to +03:00"),
        (
            "2026-03-29T01:00:00Z",
            "2026-03-29T04:00:00+03:00",
            "clocks changed from +02:00 to +03:00",
        ),
    ]


def test_a_schedule_is_paused_and_resumed(schedules: Run):
    assert schedules("pause", "feeds", "hourly")[1]["state"] == "paused"
    code, row, _ = schedules("pause", "feeds", "hourly")
    assert (code, row["generation"]) == (Exit.OK, 2)
    assert "paused" in schedules("next", "feeds", "hourly")[2]
    row = schedules("resume", "feeds", "hourly")[1]
    assert (row["state"], row["generation"]) == ("on", 3)


def test_what_is_not_there_is_said_with_what_is(schedules: Run):
    for verb in ("next", "pause", "run"):
        code, _, said = schedules(verb, "feeds", "daily")
        assert code == Exit.NOT_FOUND
        assert "hourly" in said


def test_a_run_by_hand_starts_one_job_at_once(
    schedules: Run, endpoint: Endpoint, lane: str, database_url: str
):
    code, told, _ = schedules("run", "feeds", "hourly", "--params", '{"n": 7}', "--job-id", "mine")
    assert code == Exit.OK
    [row] = query(database_url, "SELECT * FROM agent_job_execution")
    assert (str(row["execution_id"]), row["job_id"], row["params"], row["schedule"]) == (
        told["execution_id"],
        "mine",
        {"n": 7},
        "hourly",
    )
    assert [message["job_id"] for message in _messages(endpoint, lane)] == ["mine"]
    # And its job id is an idempotency key as any other
    assert schedules("run", "feeds", "hourly", "--job-id", "mine")[0] == Exit.USAGE


def test_a_backfill_is_shown_first_and_repeats_nothing(
    schedules: Run, endpoint: Endpoint, lane: str, database_url: str
):
    # Given a range of three planned times / When it is only looked at / Then nothing is done
    code, rows, said = _backfill(schedules)
    assert (code, [row["state"] for row in rows]) == (Exit.OK, ["missing"] * 3)
    assert "--yes" in said
    assert query(database_url, "SELECT * FROM agent_job_execution") == []
    # When it is done / Then each has an execution and a message
    assert [row["state"] for row in _backfill(schedules, "--yes")[1]] == ["recorded"] * 3
    sent = _messages(endpoint, lane)
    assert sorted(message["scheduled_for"] for message in sent) == [
        f"2026-01-10T{hour:02}:00:00+00:00" for hour in (8, 9, 10)
    ]
    # When it is done again, and over a longer range / Then what is known is not repeated
    again = _backfill(schedules, "--yes")[1]
    assert [row["state"] for row in again] == ["pending"] * 3
    longer = _backfill(schedules, "--yes", hours=4)[1]
    assert [row["state"] for row in longer] == ["pending"] * 3 + ["recorded"]
    assert len(query(database_url, "SELECT * FROM agent_job_execution")) == 4


def test_a_backfill_knows_what_fired_under_older_generations_and_starts_what_was_called_off(
    schedules: Run, database_url: str
):
    # Given three fires, of which one has run and two were called off by a pause
    _backfill(schedules, "--yes")
    query(
        database_url,
        "UPDATE agent_job_execution SET status = 'completed', fence = 1"
        " WHERE scheduled_for = '2026-01-10T09:00:00Z' RETURNING 1",
    )
    schedules("pause", "feeds", "hourly")
    schedules("resume", "feeds", "hourly")
    # When the range is filled again / Then only what never ran is started
    states = [row["state"] for row in _backfill(schedules, "--yes")[1]]
    assert states == ["recorded", "completed", "recorded"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--from", "2026-01-01", "--to", "2099-01-01"), "lies ahead"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "before"),
        (("--from", "2026-01-01", "--to", "2026-01-02", "--limit", "5"), "More than 5"),
        (("--from", "soon"), "--from 'soon'"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(schedules: Run, options: tuple[str, ...], why: str):
    code, _, said = schedules("backfill", "feeds", "hourly", *options)
    assert code == Exit.USAGE
    assert why in said


def test_an_agent_that_takes_no_jobs_is_not_asked(schedules: Run, database_url: str):
    query(database_url, "UPDATE agent_registry SET enabled = false RETURNING 1")
    code, _, said = schedules("run", "feeds", "hourly")
    assert code == Exit.FAILED
    assert "muster agents show feeds" in said
    assert query(database_url, "SELECT * FROM agent_job_execution") == []
