"""`muster dlq purge`: archive dead letters in S3 and delete them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.endpoints import endpoints
from muster.cli.errors import UsageError
from muster.cli.exit import Exit
from muster.cli.letters import (
    agent_argument,
    bulk_arguments,
    selection_arguments,
    selection_of,
    show_tallies,
)
from muster.contracts import ARCHIVE_PREFIX, ApiEnvironment

#: Names the bucket to archive in where the command line does not; `muster env` sets it for the local cloud.
BUCKET_VARIABLE = ApiEnvironment.variable("results_bucket")


def _arguments(parser: ArgumentParser) -> None:
    agent_argument(parser)
    selection_arguments(parser)
    bulk_arguments(parser)
    parser.add_argument(
        "--archive",
        metavar="s3://BUCKET/PREFIX",
        help=f"where to put them first; without it below dead-letters/ in the bucket {BUCKET_VARIABLE}",
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from uuid import uuid4

    from muster.aws.s3 import Objects
    from muster.aws.sqs import Queues
    from muster.clock import SystemClock
    from muster.letters.purge import Archive, Purge

    found = endpoints(context, agent=arguments.agent)
    known = context.environ.get(BUCKET_VARIABLE)
    bucket, prefix = _place(arguments.archive, known, needed=arguments.yes)
    archive = Archive(bucket=bucket, prefix=prefix)
    queues, objects, clock, run = Queues(), Objects(), SystemClock(), uuid4().hex
    tallies = [
        Purge(
            agent_id=endpoint.agent_id,
            queue_url=endpoint.dead_letters,
            archive=archive,
            run=run,
            queues=queues,
            objects=objects,
            clock=clock,
            selection=selection_of(arguments),
            limit=arguments.limit,
            dry_run=not arguments.yes,
        ).purge()
        for endpoint in found
    ]
    if arguments.yes:
        context.say(f"Archived in s3://{bucket}/{prefix}<agent>/<date>/{run}-*.json")
    return show_tallies(context, tallies, yes=arguments.yes)


def _place(said: str | None, bucket: str | None, *, needed: bool) -> tuple[str, str]:
    if said is None:
        if needed and not bucket:
            raise UsageError(
                "Letters are archived before they are deleted: say where, --archive s3://BUCKET/PREFIX."
            )
        return bucket or "", ARCHIVE_PREFIX
    scheme, _, rest = said.partition("://")
    name, _, prefix = rest.partition("/")
    if scheme != "s3" or not name:
        raise UsageError(f"--archive {said!r} must be like s3://bucket/dead-letters")
    return name, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""


PURGE = Command(
    name="purge",
    summary="archive dead letters in S3 and delete them; without --yes only count",
    arguments=_arguments,
    run=_run,
)
