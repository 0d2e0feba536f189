"""The config of jobs in one worker: when AgentConfig is read, what holds else, and who is to blame."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.agent_config import AgentConfig
from muster.errors import StoreUnavailable
from muster.execution.configuration import LOOK_AGAIN_SECONDS, ConfigInvalid, Configuration
from tests.support.telling import MemoryLog

SCHEMA = {"properties": {"n": {"type": "integer"}, "t": {"type": "object"}}}


class HandClock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Operators:
    """A store whose AgentConfig a test changes, and which it takes away; it counts who asks."""

    def __init__(self) -> None:
        self.agent_config = AgentConfig()
        self.asked = 0
        self.away = False

    def change(self, **changes: Any) -> None:
        self.agent_config = AgentConfig(version=self.agent_config.version + 1, changes=changes)

    def read(self) -> AgentConfig:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("it is away")
        return self.agent_config


class Bench:
    """One worker's configuration with everything it looks at."""

    def __init__(self, *, defaults: dict[str, Any], schema: dict[str, Any] | None = None) -> None:
        self.clock, self.operators, self.log = HandClock(), Operators(), MemoryLog()
        self.configuration = Configuration(
            agent_id="tester",
            defaults=defaults,
            schema=schema,
            read=self.operators.read,
            clock=self.clock,  # pyright: ignore[reportArgumentType] - the fake has what is used
            log=self.log.logger,
        )

    def config(self, request: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.configuration.now().config(request)


def test_a_change_is_taken_up_when_the_last_look_is_old_enough():
    # Given a worker that has just looked
    bench = Bench(defaults={"n": 1})
    assert bench.config() == {"n": 1}
    # When an operator changes something / Then it holds from the next look on, and not before
    bench.operators.change(n=2)
    bench.clock.seconds += LOOK_AGAIN_SECONDS - 0.1
    assert bench.config() == {"n": 1}
    bench.clock.seconds += 0.1
    assert bench.config() == {"n": 2}
    assert bench.configuration.now().version == 1
    # And the log says so once
    assert [r["config_version"] for r in bench.log.records] == [1]


def test_looks_do_not_grow_with_the_jobs():
    bench = Bench(defaults={})
    for _ in range(4 * 1000):
        bench.config({"n": 1})
        bench.clock.seconds += LOOK_AGAIN_SECONDS / 1000
    assert bench.operators.asked in (4, 5)  # the clock's fractions add up to a little more or less


def test_when_the_store_does_not_answer_what_was_read_last_holds():
    # Given a change that was read, and a store that is away since
    bench = Bench(defaults={"n": 1})
    bench.operators.change(n=2)
    assert bench.config() == {"n": 2}
    bench.operators.away = True
    bench.clock.seconds += LOOK_AGAIN_SECONDS
    # When jobs start / Then it holds, the log says why, and the store is not asked by every job
    assert [bench.config() for _ in range(5)] == [{"n": 2}] * 5
    assert bench.operators.asked == 2
    assert "it is away" in bench.log.records[-1]["text"]
    # And the next look finds what has changed meanwhile
    bench.operators.away = False
    bench.operators.change(n=3)
    bench.clock.seconds += LOOK_AGAIN_SECONDS
    assert bench.config() == {"n": 3}


def test_a_worker_that_never_could_look_runs_nothing():
    # Given a store that is away from the start
    bench = Bench(defaults={"n": 1})
    bench.operators.away = True
    # When a job would start / Then it does not: the operators may have changed what it must not miss
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            bench.config()
    bench.operators.away = False
    assert bench.config() == {"n": 1}


def test_an_attempt_keeps_what_held_at_its_start():
    bench = Bench(defaults={"n": 1})
    before = bench.configuration.now()
    bench.operators.change(n=2)
    bench.clock.seconds += LOOK_AGAIN_SECONDS
    assert bench.configuration.now().config(None) == {"n": 2}
    assert (before.config(None), before.version) == ({"n": 1}, 0)


def test_what_a_job_does_to_its_config_no_other_job_sees():
    # Given tables and lists in every source
    bench = Bench(defaults={"a": {"list": [1]}})
    bench.operators.change(b={"list": [2]})
    request = {"c": {"list": [3]}}
    # When a job changes all of them
    config = bench.config(request)
    for key in "abc":
        config[key]["list"].append("mine")
        config[key]["new"] = 1
    del config["a"]
    # Then the next one finds what the sources say
    assert bench.config(request) == {"a": {"list": [1]}, "b": {"list": [2]}, "c": {"list": [3]}}


@pytest.mark.parametrize(
    ("changes", "request_", "cure"),
    [
        ({}, {"n": "canary"}, "It is the request's config"),
        ({"n": 1}, {"n": "canary"}, "It is the request's config"),
        ({"n": "canary"}, None, "muster config set tester"),
        ({"n": "canary"}, {"t": {}}, "muster config set tester"),
        ({"n": "canary"}, {"t": "canary"}, "muster config set tester"),
    ],
)
def test_a_config_that_does_not_fit_says_who_is_to_blame_and_never_a_value(
    changes: dict[str, Any], request_: dict[str, Any] | None, cure: str
):
    bench = Bench(defaults={"n": 1}, schema=SCHEMA)
    if changes:
        bench.operators.change(**changes)
    with pytest.raises(ConfigInvalid) as raised:
        bench.config(request_)
    assert raised.value.code == "invalid_config"
    assert str(raised.value).startswith("the config does not fit config_schema: config/")
    assert cure in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_request_may_mend_what_the_operators_broke():
    bench = Bench(defaults={"n": 1}, schema=SCHEMA)
    bench.operators.change(n="x")
    assert bench.config({"n": 3}) == {"n": 3}


def test_threads_that_start_jobs_at_once_look_once():
    # Given a change that nobody has read, and eight threads
    bench = Bench(defaults={"n": 1})
    bench.operators.change(n=2)
    barrier = threading.Barrier(8)
    found: list[dict[str, Any]] = []

    def start() -> None:
        barrier.wait(60)
        found.append(bench.config())

    threads = [threading.Thread(target=start) for _ in range(8)]
    # When all of them start a job
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # Then each has what one look found
    assert found == [{"n": 2}] * 8
    assert bench.operators.asked == 1


def test_a_job_that_starts_while_a_change_is_taken_up_runs_with_it():
    # Given another job that starts at the moment in which a look tells what it found
    bench = Bench(defaults={"n": 1})
    bench.operators.change(n=2)
    found: list[dict[str, Any]] = []
    other = threading.Thread(target=lambda: found.append(bench.config()))

    class Starts(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            other.start()
            other.join(0.2)  # it ends in that time, or waits for the look

    bench.log.logger.addHandler(Starts())
    # When the change is taken up
    found.append(bench.config())
    other.join(60)
    # Then both jobs run with it
    assert found == [{"n": 2}] * 2


def test_a_schema_that_nothing_is_checked_against_is_not_compiled():
    # Given an agent whose schema could not even be compiled
    bench = Bench(defaults={"n": 1}, schema={"$ref": "https://example.com/schema.json"})
    # When its defaults are all there is / Then nobody looks at it
    assert bench.config() == {"n": 1}
    # And it would be looked at as soon as there is more
    with pytest.raises(ValueError, match="put the definition into the schema itself"):
        bench.config({"n": 2})


@given(st.lists(st.one_of(st.just("job"), st.just("change"), st.floats(0, 50)), max_size=40))
def test_every_job_runs_with_a_config_that_held_within_the_last_thirty_seconds(steps: list[Any]):
    # Given any course of jobs, changes and time
    bench = Bench(defaults={"version": 0})
    replaced_at: dict[int, float] = {}
    for step in steps:
        if step == "change":
            version = bench.operators.agent_config.version
            replaced_at[version] = bench.clock.seconds
            bench.operators.change(version=version + 1)
        elif step == "job":
            # When a job starts / Then its config holds now, or did until less than 30 seconds ago
            version = bench.config()["version"]
            ended = replaced_at.get(version, sys.float_info.max)
            assert bench.clock.seconds - ended < LOOK_AGAIN_SECONDS
        else:
            bench.clock.seconds += step
