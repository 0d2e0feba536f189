"""Watches of queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from stacks.watch import Series, Urgency, Watch

#: Beyond the time that one job may take.
WAITS_LONG = timedelta(minutes=30)


def sqs_series(name: str, queue_name: str) -> Series:
    """A metric that SQS keeps of a queue."""
    return Series(namespace="AWS/SQS", name=name, dimensions={"QueueName": queue_name})


def dead_letters(queue_name: str, *, name: str = "dead-letters", says: str) -> Watch:
    """A queue of dead letters holds one.

    It looks at what is visible: messages that SQS itself or a redrive moves are not counted as sent.
    """
    return Watch(
        name=name,
        says=says,
        urgency=Urgency.TICKET,
        series={"letters": sqs_series("ApproximateNumberOfMessagesVisible", queue_name)},
        at_least=1,
        runbook="dead-letters",
    )


def backlog(queue_names: Sequence[str], *, timeout: timedelta) -> Watch:
    """The oldest message of an agent's lanes waits long; what runs counts, too, until it is deleted."""
    series = {
        f"lane{number}": sqs_series("ApproximateAgeOfOldestMessage", queue_name)
        for number, queue_name in enumerate(queue_names)
    }
    return Watch(
        name="backlog",
        says="does not keep up: its oldest message waits long.",
        urgency=Urgency.TICKET,
        series=series,
        expression="" if len(series) == 1 else f"MAX([{', '.join(series)}])",
        at_least=(WAITS_LONG + timeout).total_seconds(),
        periods=5,
    )
