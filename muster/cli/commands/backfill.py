"""`muster schedules backfill`: start the jobs of planned times that are past and did not fire."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.cli.number import limit
from muster.cli.scheduled import ScheduleOvertaken, found_schedule, schedules_of, send
from muster.contracts import JOB_KEY_DAYS

if TYPE_CHECKING:
    from muster.store.operated_schedules import OperatedSchedules, Scheduled

_COLUMNS = ("utc", "local", "state", "job_id")


def moment(text: str | None, timezone: str, *, option: str) -> datetime:
    """A point in time of the command line, without an offset in that zone; now for None.

    Raises:
        UsageError: it is none.
    """
    from muster.manifest.moment import NoMoment, read_moment

    if text is None:
        return datetime.now(UTC)
    try:
        return read_moment(text, timezone=timezone)
    except NoMoment as flaw:
        raise UsageError(f"{option} {text!r}: {flaw}") from flaw


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", help="its id")
    parser.add_argument("name", metavar="NAME", help="of the schedule")
    parser.add_argument(
        "--from",
        dest="first",
        metavar="TIME",
        required=True,
        help="ISO 8601, in the schedule's zone",
    )
    parser.add_argument("--to", metavar="TIME", help="up to and without it; now when not given")
    parser.add_argument(
        "--limit", type=limit, default=1000, help="refuse more planned times, default %(default)s"
    )
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--yes", action="store_true", help="do it; otherwise it is only shown")
    act.add_argument("--dry-run", action="store_true", help="only show it")


def _run(context: Context, arguments: Namespace) -> Exit:
    with schedules_of(context) as store:
        schedule = found_schedule(store, agent=arguments.agent, name=arguments.name)
        planned = _planned(context, schedule, arguments)
        known = store.known(schedule, planned)
        missing = [each for each in planned if each not in known]
        recorded = _record(context, store, schedule, missing) if arguments.yes else set[datetime]()
    states = {
        each: "recorded" if each in recorded else known.get(each, "missing") for each in planned
    }
    rows = [_row(schedule, each, states[each]) for each in planned]
    context.show_rows(rows, columns=_COLUMNS, none="Nothing was planned in that time.")
    if arguments.yes:
        context.say(f"{len(recorded)} recorded and sent; {len(known)} were there already.")
    else:
        context.say(
            f"{len(missing)} of {len(planned)} are missing; nothing was done: add --yes to start their jobs."
        )
    return Exit.OK


def _planned(context: Context, schedule: Scheduled, arguments: Namespace) -> list[datetime]:
    from itertools import islice

    from muster.schedule.outlook import Outlook

    zone, now = schedule.rule.timezone, datetime.now(UTC)
    first = moment(arguments.first, zone, option="--from")
    end = moment(arguments.to, zone, option="--to")
    if end > now:
        raise UsageError(
            f"--to {arguments.to!r} lies ahead: what comes is fired by the dispatcher."
        )
    if first >= end:
        raise UsageError("--from must be before --to.")
    found = list(islice(Outlook(schedule.rule).between(first, end), arguments.limit + 1))
    if len(found) > arguments.limit:
        raise UsageError(
            f"More than {arguments.limit} times are planned in that time; "
            "give a shorter one, or a higher --limit."
        )
    if found and found[0] < now - timedelta(days=JOB_KEY_DAYS):
        context.say(
            f"Job ids are known for {JOB_KEY_DAYS} days: "
            "of what is older, what fired in time is not known any more."
        )
    return found


def _record(
    context: Context, store: OperatedSchedules, schedule: Scheduled, missing: list[datetime]
) -> set[datetime]:
    from muster.store.operated_schedules import PAGE

    recorded: set[datetime] = set()
    for start in range(0, len(missing), PAGE):
        page = {schedule.job_id(each): each for each in missing[start : start + PAGE]}
        fires = store.record(schedule, page, params=None)
        if fires is None:
            raise ScheduleOvertaken(
                f"{schedule.name} was changed meanwhile, or {schedule.agent_id} takes no jobs; "
                f"{len(recorded)} are recorded. Look at it with `muster schedules list`, "
                "then run the same command again."
            )
        send(context, schedule.agent_id, fires)
        recorded |= {page[fire.job_id] for fire in fires}
    return recorded


def _row(schedule: Scheduled, planned: datetime, state: str) -> dict[str, Any]:
    from zoneinfo import ZoneInfo

    return {
        "utc": planned.isoformat().replace("+00:00", "Z"),
        "local": planned.astimezone(ZoneInfo(schedule.rule.timezone)).isoformat(),
        "state": state,
        "job_id": schedule.job_id(planned),
    }


COMMAND = Command(
    name="backfill",
    summary="start the jobs of planned times that are past and did not fire",
    arguments=_arguments,
    run=_run,
)
