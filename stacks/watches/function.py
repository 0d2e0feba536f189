"""Watches of functions on Lambda. A job that fails is no error of its function."""

from __future__ import annotations

from datetime import timedelta

from stacks.watch import Series, Urgency, Watch

#: Percent of its timeout that a function may take before somebody looks.
NEAR_TIMEOUT = 80

#: Errors within five minutes, twice on end: one that dies now and then is retried.
ERRORS = 3

#: Percent of a limit of concurrency.
NEAR_LIMIT = 80


def lambda_series(name: str, function_name: str, statistic: str) -> Series:
    """A metric that Lambda keeps of a function."""
    dimensions = {"FunctionName": function_name}
    return Series(
        namespace="AWS/Lambda",
        name=name,
        dimensions=dimensions,
        statistic=statistic,
        minutes=5,
    )


def errors(function_name: str, *, urgency: Urgency) -> Watch:
    """It crashes, cannot start, runs out of memory or time."""
    return Watch(
        name="function-errors",
        says="has a function that fails as a whole.",
        urgency=urgency,
        series={"errors": lambda_series("Errors", function_name, "Sum")},
        at_least=ERRORS,
        periods=2,
    )


def throttles(function_name: str) -> Watch:
    """Lambda has no room for it."""
    return Watch(
        name="function-throttles",
        says="has a function that Lambda refuses to start as often as asked.",
        urgency=Urgency.TICKET,
        series={"throttles": lambda_series("Throttles", function_name, "Sum")},
        at_least=1,
        periods=2,
    )


def duration(function_name: str, *, timeout: timedelta) -> Watch:
    """It comes near the time after which it is killed."""
    return Watch(
        name="function-duration",
        says=f"has a function that takes {NEAR_TIMEOUT} % of its timeout or more.",
        urgency=Urgency.TICKET,
        series={"duration": lambda_series("Duration", function_name, "Maximum")},
        at_least=timeout.total_seconds() * 10 * NEAR_TIMEOUT,
        periods=3,
    )


def concurrency(function_name: str, *, most: int) -> Watch:
    """It nears its own limit of concurrency."""
    return Watch(
        name="concurrency",
        says=f"has {NEAR_LIMIT} % of its functions at work at once, or more.",
        urgency=Urgency.TICKET,
        series={"running": lambda_series("ConcurrentExecutions", function_name, "Maximum")},
        at_least=most * NEAR_LIMIT / 100,
        periods=3,
    )


def account_concurrency(most: int) -> Watch:
    """All functions of the account together near what Lambda gives it."""
    series = Series(namespace="AWS/Lambda", name="ConcurrentExecutions", dimensions={}, minutes=5)
    return Watch(
        name="account-concurrency",
        says=f"shares an account of which {NEAR_LIMIT} % of the concurrency are in use, or more.",
        urgency=Urgency.TICKET,
        series={"running": series},
        at_least=most * NEAR_LIMIT / 100,
        periods=2,
        runbook="concurrency",
    )
