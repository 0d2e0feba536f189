"""What usage costs, against figures worked out by hand from the price pages."""

from __future__ import annotations

import pytest

from muster.cost.advice import Observed, advice
from muster.cost.prices import Prices
from muster.cost.usage import Size, Usage, cost
from muster.errors import ConfigurationError

FUNCTION = Size(compute="lambda", memory=1024, cpu=256, architecture="arm64", jobs_at_once=1)
TASK = Size(compute="fargate", memory=2048, cpu=1024, architecture="x86_64", jobs_at_once=4)


def test_a_function_is_paid_by_memory_and_time_and_each_invocation():
    # Given a million invocations of a second with 1 GiB
    costs = cost(Usage(attempts=1_000_000, seconds=1_000_000), FUNCTION, Prices())
    # Then that is 13.33 $ of compute, 0.20 $ of invocations, and 1.20 $ of three million SQS requests
    assert costs.compute == pytest.approx(13.3334)
    assert costs.requests == pytest.approx(0.20 + 1.20)
    assert costs.tokens == 0


def test_a_job_bears_its_share_of_the_task():
    # Given an hour of one of four jobs that a task of 1 vCPU and 2 GiB runs at once
    costs = cost(Usage(attempts=1, seconds=3600), TASK, Prices())
    # Then it bears a quarter of the task's hour
    assert costs.compute == pytest.approx((0.04048 + 2 * 0.004445) / 4)


def test_somebody_elses_computer_costs_us_messages_only():
    size = Size.of_manifest(None, architecture="arm64")
    assert cost(Usage(attempts=10, seconds=100), size, Prices()).compute == 0


def test_tokens_cost_what_their_model_costs():
    prices = Prices.changed({"million_input_tokens": 3, "million_output_tokens": 15.0})
    used = Usage(attempts=1, seconds=0, input_tokens=2_000_000, output_tokens=100_000)
    assert cost(used, FUNCTION, prices).tokens == pytest.approx(6 + 1.5)


def test_a_manifest_says_the_size():
    size = Size.of_manifest(
        {
            "compute": "fargate",
            "memory": 4096,
            "cpu": 2048,
            "queue": {"batch": 10},
            "concurrency": 3,
        },
        architecture="arm64",
    )
    assert size == Size(
        compute="fargate", memory=4096, cpu=2048, architecture="arm64", jobs_at_once=3
    )


def test_a_job_with_a_task_of_its_own_bears_all_of_it():
    manifest = {"compute": "fargate", "isolation": "task", "queue": {"batch": 10}, "concurrency": 9}
    assert Size.of_manifest(manifest, architecture="arm64").jobs_at_once == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"gpu_hour": 1},
        {"million_input_tokens": -1},
        {"million_input_tokens": "3"},
        {"sqs_million_requests": True},
    ],
    ids=str,
)
def test_prices_that_are_none_are_refused_by_name(changes: dict[str, object]):
    with pytest.raises(ConfigurationError, match=f"{next(iter(changes))}.*known: date"):
        Prices.changed(changes)


def _observed(*, seconds: float, peak: int = 0, jobs: int = 1000) -> Observed:
    return Observed(
        jobs=jobs,
        usage=Usage(attempts=jobs, seconds=seconds),
        peak_memory=peak,
        longest=2,
        period=86_400,
    )


def test_memory_that_nobody_uses_is_told_with_what_it_costs():
    # Given a day of 100,000 seconds with 1,024 MiB, of which 150 were used at most
    (told,) = advice(_observed(seconds=1000, peak=150), FUNCTION, Prices())
    # Then half as much again, in steps of 128, is what is told
    assert "256 would cost 0.01 $ less" in told


def test_memory_that_is_nearly_used_up_is_told():
    (told,) = advice(_observed(seconds=1000, peak=1000), FUNCTION, Prices())
    assert "raise it" in told


def test_a_function_that_is_always_busy_is_told_of_tasks():
    assert any(
        'compute = "fargate"' in told
        for told in advice(_observed(seconds=80_000), FUNCTION, Prices())
    )


def test_a_task_that_rarely_works_is_told_of_functions():
    assert any(
        'compute = "lambda"' in told for told in advice(_observed(seconds=60), TASK, Prices())
    )


def test_of_a_few_jobs_nothing_is_advised():
    assert list(advice(_observed(seconds=1, peak=10, jobs=99), FUNCTION, Prices())) == []
