"""The dispatcher's benchmark runs as one command and reports what it must."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench import dispatch
from bench.endpoint.client import running_endpoint
from bench.ledger_ground import migrated_database
from bench.schedule_scale import DUE, Idle, Touched
from bench.scheduler import ALL, DISPATCHER, Sample, measure
from bench.schedules import AGENTS, execute, register_agents, register_schedules
from tests.support.source import ROOT


def test_it_prints_one_object_with_raw_figures_and_its_bars():
    # Given the benchmark, cut short and without what needs an installation
    command = [sys.executable, "-m", "bench.dispatch", "--rounds", "1", "--registered", "20000"]
    # When it runs
    done = subprocess.run(
        [*command, "--only", "", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    # Then it exits 0, whether or not its bars hold, and prints one object
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    speed, idle, rows, buffers = told["bars"]
    assert (speed["bar"], speed["better"], speed["holds"]) == (10.0, "higher", False)
    assert idle["value"] > 0
    # And what a thousand fires touch hardly depends on what is registered
    assert rows["value"] == 1.0
    assert 0.9 < buffers["value"] <= buffers["bar"] == 1.01
    assert set(told["not_run"]) == set(ALL[1:])


def test_the_best_peer_counts_and_each_is_compared_with_the_turn_before_it():
    def sample(speed: float) -> Sample:
        return Sample(fires_per_second=speed, cpu=0.1, server_cpu=None)

    # Given two peers on a machine that was busy in the second round
    pairs = {
        "slow": [(sample(9000), sample(90)), (sample(100), sample(1))],
        "quick": [(sample(9000), sample(500)), (sample(180), sample(10))],
    }
    # And a tree that is a level deeper where more are registered
    touched = {
        DUE: Touched(rows=10, buffers=10 * DUE, levels=2),
        5000: Touched(rows=10, buffers=11 * DUE + 20, levels=3),
    }
    # When they are reported
    executed = {"take_lease": 1.0, "schedules_due": 0.5}
    idle = Idle(executed=executed, seen={"take_lease": 9.0})
    made = dispatch.report(pairs, {}, touched, idle)
    # Then the bars compare with the quick one, and sum up the tick
    assert [bar.value for bar in made.bars] == [18.0, 1.5, 1.0, 1.002]
    assert [bar.holds for bar in made.bars] == [True] * 4
    assert made.figures[f"{DISPATCHER}, median fires/s"] == pytest.approx(4590)


def test_what_the_dispatcher_fires_is_recorded_and_sent():
    # Given 300 schedules
    with running_endpoint(latency=0) as endpoint, migrated_database() as server:
        url = server.url("bench")
        lanes = [endpoint.create(f"lane-{n}") for n in range(AGENTS)]
        register_agents(url, lanes)
        register_schedules(url, first=1, last=300)
        # When they fire, after 200 of them did to warm up
        sample = measure(
            DISPATCHER, schedules=300, endpoint=endpoint, server=server, database="bench"
        )
        # Then there is an execution and a message for each fire
        assert sample.fires_per_second > 0
        assert execute(url, "SELECT count(*) FROM agent_job_execution") == [(500,)]
        assert sum(endpoint.statistics(lane).sent for lane in lanes) == 500
