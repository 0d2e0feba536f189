"""The listener's benchmark compares round by round, and a peer that is missing is told and helps no bar."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import listener
from bench.consumer import Consumer, Idle, NotRunning, Sample, measure, measure_idle
from bench.contestants import ALL, BOUND, CELERY, LEDGER, SQS_CONSUMER, TRANSPORT, contestant
from bench.endpoint.client import running_endpoint
from bench.installation import Installation, NotInstalled


def _sample(speed: float, cpu: float = 0.1) -> Sample:
    return Sample(messages_per_second=speed, cpu=cpu, memory=40, endpoint_load=0.3, requests=200)


def test_rounds_are_compared_one_by_one_and_the_median_counts():
    # Given three rounds, of which a busy machine slowed the second for all
    samples = {
        TRANSPORT: [_sample(8000, 0.05), _sample(800, 0.06), _sample(9000, 0.05)],
        SQS_CONSUMER: [_sample(4000, 0.3), _sample(200, 0.3), _sample(3000, 0.25)],
        BOUND: [_sample(10_000), _sample(1000), _sample(9000)],
    }
    # Then each ratio is the median of its rounds
    report = listener.report(samples, {LEDGER: "not asked for"}, Idle(load=0.004, polls=1))
    assert [bar.value for bar in report.bars] == [3.0, 0.2, 1.25, None, 0.004, 1]
    assert [bar.holds for bar in report.bars] == [True, True, True, False, True, True]
    assert report.figures[f"{TRANSPORT}, median messages/s"] == 8000


def test_what_cannot_be_installed_is_told_and_no_bar_that_needs_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # Given locks that no installer takes
    (tmp_path / "requirements.txt").write_text("no requirement!\n")
    installation = Installation(folder=tmp_path / "installed", locks=tmp_path)
    # When the benchmark is asked for such a peer only
    report = listener.run(rounds=1, seconds=0.1, names=[CELERY], installation=installation)
    # Then it says so, loudly, with the installer's reason
    assert "not installed" in report.not_run[CELERY]
    assert "Invalid requirement" in report.not_run[CELERY]
    assert f"NOT RUN: {CELERY}" in capsys.readouterr().err
    assert [bar.holds for bar in report.bars] == [False] * 6


def test_an_installation_that_is_there_is_taken_and_one_of_another_lock_is_not(tmp_path: Path):
    # Given an empty lock, which is soon installed
    (tmp_path / "requirements.txt").write_text("")
    installation = Installation(folder=tmp_path / "installed", locks=tmp_path)
    interpreter = installation.python()
    assert interpreter.exists()
    # When somebody asks again, nothing is made anew
    (interpreter.parent / "mine").write_text("still here")
    installation.python()
    assert (interpreter.parent / "mine").exists()
    # And another lock is another installation
    (tmp_path / "requirements.txt").write_text("no requirement!\n")
    with pytest.raises(NotInstalled):
        installation.python()
    assert not (interpreter.parent / "mine").exists()


def test_a_consumer_at_an_empty_queue_is_known_for_its_polls_and_its_part_of_a_core():
    # Given a consumer that waits at its queue
    waits = contestant(TRANSPORT, installation=Installation())
    with running_endpoint(latency=0) as endpoint:
        # When it is watched for a moment
        idle = measure_idle(waits, endpoint, seconds=0.2, name="idle")
    # Then one poll waits, and nobody can say that it took more than a core
    assert idle.polls == 1
    assert 0 <= idle.load < 1


def test_messages_of_two_queues_have_different_ids():
    # Given two queues of one endpoint, as two rounds of the benchmark have them
    with running_endpoint(latency=0) as endpoint:
        ids: set[str] = set()
        for name in ("one", "two"):
            queue_url = endpoint.create(name)
            endpoint.send(queue_url, "{}")
            endpoint.repeat(queue_url)
            for _ in range(2):
                received = endpoint.call(
                    "ReceiveMessage", QueueUrl=queue_url, MaxNumberOfMessages=10
                )
                ids |= {message["MessageId"] for message in received["Messages"]}
    # Then a ledger knows none of them from another
    assert len(ids) == 40


@pytest.mark.parametrize(
    "code", ["raise SystemExit('out of order')", "print('out of order')"], ids=["fails", "ends"]
)
def test_a_consumer_that_ends_is_told_with_its_last_words(tmp_path: Path, code: str):
    consumer = Consumer(
        name="broken", command=(sys.executable, "-c", code), folder=tmp_path, size=1
    )
    with running_endpoint(latency=0) as endpoint, pytest.raises(NotRunning, match="out of order"):
        measure(consumer, endpoint, seconds=0.1, name="q")


def test_everyone_has_a_way_to_start_or_needs_an_installation(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("no requirement!\n")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text("no lock")
    installation = Installation(folder=tmp_path / "installed", locks=tmp_path)
    # Then all but three start with what Muster's own environment has
    without: set[str] = set()
    for name in ALL:
        try:
            assert contestant(name, installation=installation).name == name
        except NotInstalled:
            without.add(name)
    assert len(without) == 3
    assert SQS_CONSUMER in without
