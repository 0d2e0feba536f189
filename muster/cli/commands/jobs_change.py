"""`muster jobs cancel` and `muster jobs retry`: some jobs by their ids, or many by a filter."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.cli.found_job import found_job
from muster.cli.moment import moment
from muster.cli.number import limit, per_second
from muster.lane import LANES
from muster.model import Source, Status

if TYPE_CHECKING:
    from muster.store.bulk import Change

_COLUMNS = ("jobs", "complete", "agents", "statuses", "errors")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "ids", metavar="ID", nargs="*", help="of a job or of its execution; without it a filter"
    )
    parser.add_argument("--agent", metavar="ID", help="only this agent's")
    parser.add_argument("--error", metavar="NAME", help="only those with this error class or code")
    parser.add_argument("--text", help="only those with this text in error message or params")
    parser.add_argument("--source", choices=[str(source) for source in Source])
    parser.add_argument("--priority", choices=LANES)
    parser.add_argument("--tenant", help="only this tenant's")
    parser.add_argument("--since", type=moment, metavar="TIME", help="recorded then or later: 2h")
    parser.add_argument("--until", type=moment, metavar="TIME", help="recorded before then")
    parser.add_argument("--limit", type=limit, help="at most so many, the oldest first")
    earnest = parser.add_mutually_exclusive_group()
    earnest.add_argument(
        "--dry-run", action="store_true", help="count only; a filter without --yes does only this"
    )
    earnest.add_argument("--yes", action="store_true", help="do to all that the filter finds")


def _cancel_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--state", choices=[str(Status.PENDING), str(Status.RUNNING)])


def _retry_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--rate", type=per_second, metavar="N", help="send at most so many a second"
    )


def _cancel(context: Context, arguments: Namespace) -> Exit:
    return _change(context, arguments, "cancel")


def _retry(context: Context, arguments: Namespace) -> Exit:
    return _change(context, arguments, "retry")


def _change(context: Context, arguments: Namespace, change: Change) -> Exit:
    if arguments.ids:
        return _by_id(context, arguments, change)
    return _by_filter(context, arguments, change)


def _by_id(context: Context, arguments: Namespace, change: Change) -> Exit:
    from muster.store.bulk import Bulk

    rows = [found_job(context, id_, agent=arguments.agent) for id_ in arguments.ids]
    with context.ledger_database() as database:
        jobs = [(str(row["execution_id"]), row["created_at"]) for row in rows]
        changed: set[str] = set() if arguments.dry_run else Bulk(database).change(change, jobs)
    shown: list[dict[str, Any]] = [
        {
            "agent_id": row["agent_id"],
            "job_id": row["job_id"],
            "was": row["status"],
            "changed": str(row["execution_id"]) in changed,
        }
        for row in rows
    ]
    context.show_rows(shown, columns=("agent_id", "job_id", "was", "changed"), none="No jobs.")
    left = [row for row in shown if not row["changed"]]
    if left and not arguments.dry_run:
        context.say(f"{len(left)} jobs were left as they are: {_WHY_LEFT[change]}.")
        return Exit.FAILED
    return Exit.OK


def _by_filter(context: Context, arguments: Namespace, change: Change) -> Exit:
    from datetime import UTC, datetime

    from muster.store.bulk import Bulk, JobFilter

    meant = JobFilter(
        agent_id=arguments.agent,
        tenant=arguments.tenant,
        status=getattr(arguments, "state", None),
        error=arguments.error,
        text=arguments.text,
        source=arguments.source,
        priority=arguments.priority,
        since=arguments.since,
        until=arguments.until,
    )
    if meant.empty:
        raise UsageError(
            "Say which jobs: their ids, or a filter such as --agent, --error, --text or --since."
        )
    with context.ledger_database() as database:
        tally = Bulk(database).run(
            change,
            meant,
            until=datetime.now(UTC),
            limit=arguments.limit,
            dry_run=not arguments.yes,
            rate=getattr(arguments, "rate", None),
        )
    context.show_rows([tally.to_json()], columns=_COLUMNS, none="No jobs.")
    if not arguments.yes:
        context.say("Nothing was changed: this was a dry run. Add --yes to do it.")
    return Exit.OK


_WHY_LEFT: dict[str, str] = {
    "cancel": "they have ended, or were called off already",
    "retry": "they have not failed, their agent takes no jobs, or their message could not be understood",
}

CANCEL = Command(
    name="cancel",
    summary="call jobs off: pending ones never start, running ones are told",
    arguments=_cancel_arguments,
    run=_cancel,
)
RETRY = Command(
    name="retry",
    summary="run failed jobs again, each with its whole budget of attempts",
    arguments=_retry_arguments,
    run=_retry,
)
