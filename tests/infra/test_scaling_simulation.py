"""A service is as large as its demand: by a simulation of the very values that are deployed."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.scaling import IDLE, Scaling
from stacks.scaling_simulation import Load, Outcome, World, simulate
from tests.infra.synthesis import ROOT

MINUTE = 60
HOUR = 60 * MINUTE
#: From a message on a service at zero until it runs: tick, metric, alarm, start; in seconds.
WAKE = 60 + 30 + 60 + 60 + 10
#: From the last job's end until the last task has gone.
REST = IDLE + 3 * MINUTE

TEN = Scaling(jobs_per_task=1, most_tasks=10)
FOURS = Scaling(jobs_per_task=4, most_tasks=5)


def tasks_at(outcome: Outcome, second: int) -> int:
    return next(sample.tasks for sample in outcome.samples if sample.at >= second)


def test_one_message_wakes_one_task_and_it_goes_again():
    outcome = simulate(TEN, [Load(arrives=10 * MINUTE, seconds=30)], until=HOUR)
    assert (outcome.completed, outcome.starts, outcome.most_tasks) == (1, 1, 1)
    assert outcome.waits[0] <= WAKE
    assert tasks_at(outcome, 10 * MINUTE + WAKE + 30 + REST) == 0


def test_a_burst_is_served_by_as_many_tasks_as_it_wants_at_once():
    # Given forty jobs of ten minutes at once, and room for twenty
    outcome = simulate(FOURS, [Load(arrives=0, seconds=600)] * 40, until=3 * HOUR)
    # Then within minutes as many run as may run, and never more; the last task goes when all is done
    assert outcome.completed == 40
    assert max(outcome.waits[:20]) <= WAKE
    assert outcome.most_running == 20
    assert outcome.most_tasks == outcome.starts == 5
    assert outcome.samples[-1].tasks == 0


def test_a_burst_of_few_wants_few():
    outcome = simulate(FOURS, [Load(arrives=0, seconds=600)] * 7, until=HOUR)
    assert outcome.most_tasks == 2


def test_a_trickle_keeps_a_task_and_starts_no_second():
    # Given a job of a minute and a half every four minutes, for three hours
    loads = [Load(arrives=n * 4 * MINUTE, seconds=90) for n in range(45)]
    outcome = simulate(TEN, loads, until=4 * HOUR)
    # Then one task serves them all, without waiting after the first
    assert (outcome.completed, outcome.starts) == (45, 1)
    assert max(outcome.waits[1:]) <= 5


def test_flapping_demand_does_not_flap_the_service():
    # Given bursts of eight short jobs that end before the next come, every three minutes
    loads = [Load(arrives=n * 3 * MINUTE, seconds=100) for n in range(40) for _ in range(8)]
    outcome = simulate(TEN, loads, until=4 * HOUR)
    # Then the tasks of the first bursts stay for the following ones
    assert outcome.completed == 320
    assert outcome.starts <= 10


def test_what_runs_for_hours_is_not_stopped_when_the_rest_is_done():
    # Given one job of eleven hours among short ones
    loads = [Load(arrives=0, seconds=11 * HOUR), *[Load(arrives=0, seconds=120)] * 30]
    outcome = simulate(TEN, loads, until=13 * HOUR)
    # Then all but its task go, and it ends
    assert (outcome.completed, outcome.interrupted) == (31, 0)
    assert tasks_at(outcome, 2 * HOUR) == 1
    assert outcome.samples[-1].tasks == 0


def test_retries_that_wait_wake_the_service_each_time():
    # Given a job that fails at once and is tried again after a quarter of an hour, twice
    load = Load(arrives=0, seconds=30, retries_after=(15 * MINUTE, 2 * HOUR))
    outcome = simulate(TEN, [load], until=5 * HOUR)
    # Then each attempt runs soon after it can, though the service was at zero before the third
    assert outcome.completed == 1
    assert max(outcome.waits) <= WAKE
    assert tasks_at(outcome, 2 * HOUR) == 0
    assert outcome.samples[-1].tasks == 0


def test_a_scheduled_job_finds_a_task_that_stands():
    # Given a job that SQS holds back for five minutes before it is due, and a service at zero
    outcome = simulate(TEN, [Load(arrives=20 * MINUTE, seconds=60, held=300)], until=HOUR)
    # Then it starts when it is due
    assert outcome.waits == [0]


def test_without_measurements_the_service_stays_as_it_is():
    # Given a dispatcher that is away for an hour while jobs run
    away = World(unmeasured=(10 * MINUTE, 70 * MINUTE))
    loads = [Load(arrives=n * MINUTE, seconds=5 * MINUTE) for n in range(60)]
    outcome = simulate(TEN, loads, until=3 * HOUR, world=away)
    # Then nothing is stopped and nothing is started until it is back; then it rests
    during = {s.tasks for s in outcome.samples if 15 * MINUTE <= s.at < 70 * MINUTE}
    assert len(during) == 1
    assert during != {0}
    assert (outcome.completed, outcome.samples[-1].tasks) == (60, 0)


def test_the_simulation_can_tell_a_service_that_kills_its_work():
    # Given the same policy on tasks that do not protect themselves
    loads = [Load(arrives=0, seconds=2 * HOUR), *[Load(arrives=0, seconds=60)] * 9]
    harmed = simulate(TEN, loads, until=4 * HOUR, world=World(protection=False))
    spared = simulate(TEN, loads, until=4 * HOUR)
    # Then it says so
    assert harmed.interrupted > 0
    assert spared.interrupted == 0


@st.composite
def loads(draw: st.DrawFn) -> list[Load]:
    size = draw(st.integers(1, 40))
    return [
        Load(
            arrives=draw(st.integers(0, 3 * HOUR)),
            seconds=draw(st.sampled_from((1, 20, 100, 600, 2 * HOUR))),
            held=draw(st.sampled_from((0, 300))),
            retries_after=tuple(draw(st.lists(st.sampled_from((1, 60, 900)), max_size=2))),
        )
        for _ in range(size)
    ]


worlds = st.builds(
    World,
    start=st.integers(20, 180),
    ingest=st.integers(0, 60),
    tick_at=st.sampled_from((0, 5, 30, 55)),
)


@settings(max_examples=40, deadline=None)
@given(
    given_loads=loads(),
    world=worlds,
    scaling=st.sampled_from((TEN, FOURS, Scaling(jobs_per_task=10, most_tasks=1))),
)
def test_no_load_kills_work_or_leaves_the_service_at_zero_or_above_it(
    given_loads: list[Load], world: World, scaling: Scaling
):
    # When any load comes upon the service, in a world with any delays
    work = sum((1 + len(load.retries_after)) * load.seconds for load in given_loads)
    longest_job = max(3 * (load.seconds + 900) for load in given_loads)
    slots = scaling.most_tasks * scaling.jobs_per_task
    until = 3 * HOUR + work // slots + longest_job + HOUR
    outcome = simulate(scaling, given_loads, until=until, world=world)
    # Then no work is interrupted and all of it ends
    assert outcome.interrupted == 0
    assert outcome.completed == len(given_loads)
    # And it was never larger than it may be
    assert outcome.most_tasks <= scaling.most_tasks
    assert outcome.most_running <= scaling.most_tasks * scaling.jobs_per_task
    # And nothing waited at a service at zero for longer than it takes to wake one
    longest = asleep = 0
    for sample in outcome.samples:
        asleep = asleep + 5 if sample.waiting and not sample.running and not sample.tasks else 0
        longest = max(longest, asleep)
    assert longest <= 60 + 60 + 60 + 10
    # And in the end there is no task
    assert outcome.samples[-1].tasks == 0


def test_the_simulation_is_a_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "stacks.scaling_simulation", "--jobs", "25", "--seconds", "60"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[0].split() == [
        "minute",
        "desired",
        "tasks",
        "waiting",
        "running",
    ]
    assert len(done.stdout.splitlines()) > 30
