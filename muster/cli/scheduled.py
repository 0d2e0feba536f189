"""What the commands about schedules share: finding one, and sending what was recorded for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from muster.cli.context import Context
from muster.cli.errors import NotFound
from muster.errors import MusterError

if TYPE_CHECKING:
    from muster.ports import Outgoing
    from muster.store.operated_schedules import OperatedSchedules, RecordedFire, Scheduled


class ScheduleOvertaken(MusterError):
    """The schedule was changed meanwhile, or its agent takes no jobs; nothing was recorded."""

    code = "schedule_overtaken"


@contextmanager
def schedules_of(context: Context) -> Generator[OperatedSchedules]:
    """The schedules of the database that the command acts on."""
    from muster.store.connection import administer
    from muster.store.operated_schedules import OperatedSchedules

    with closing(administer(context.database())) as connection:
        connection.autocommit = True
        yield OperatedSchedules(connection)


def found_schedule(
    store: OperatedSchedules, *, agent: str, name: str, tenant: str = "default"
) -> Scheduled:
    """The schedule of that name.

    Raises:
        NotFound: the agent has none of that name; says which it has.
        BadRule: it can never fire.
    """
    from muster.store.operated_schedules import Scheduled

    rows = store.rows(agent=agent, tenant=tenant, limit=1000)
    for row in rows:
        if row["name"] == name:
            return Scheduled.of(row)
    raise unknown(agent, name, [row["name"] for row in rows])


def unknown(agent: str, name: str, names: Sequence[str]) -> NotFound:
    """What to say of a schedule that is not there."""
    has = f"it has {', '.join(names)}" if names else "it has none"
    return NotFound(f"No schedule {name!r} of agent {agent!r}: {has}. See `muster schedules list`.")


def send(context: Context, agent_id: str, fires: Sequence[RecordedFire]) -> None:
    """Send what was recorded; what a queue does not take now, the dispatcher sends within two minutes."""
    from muster.aws.sqs import Queues
    from muster.dispatcher.carrier import carrier
    from muster.lane import nearest_lane
    from muster.model import Source

    by_queue: dict[str, list[Outgoing]] = defaultdict(list)
    for fire in fires:
        url = fire.queues[nearest_lane(fire.priority, fire.queues)]
        message = carrier(
            delay=timedelta(0),
            params=fire.params,
            job_id=fire.job_id,
            agent_id=agent_id,
            tenant=fire.tenant,
            priority=fire.priority,
            source=Source.SCHEDULE,
            scheduled_for=fire.scheduled_for,
        )
        by_queue[url].append(message)
    unsent = 0
    queues = Queues()
    for url, messages in by_queue.items():
        unsent += sum(not sent.ok for sent in queues.send_batch(url, messages))
    if unsent:
        context.say(f"{unsent} are recorded and not sent yet: the dispatcher sends them.")
