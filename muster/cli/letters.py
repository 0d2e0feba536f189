"""What the commands that act on dead letters have in common: which letters, and what became of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.cli.number import limit

if TYPE_CHECKING:
    from muster.letters.selection import Selection
    from muster.letters.tally import Tally

_COLUMNS = (
    "agent_id", "done", "stale", "others", "worn_out", "again", "refused", "complete", "errors",
)  # fmt: skip


def agent_argument(parser: ArgumentParser) -> None:
    """Whose letters."""
    parser.add_argument("agent", metavar="AGENT", nargs="?", help="its id; all agents without it")


def selection_arguments(parser: ArgumentParser) -> None:
    """Which letters."""
    parser.add_argument("--error", metavar="NAME", help="only those with this error class or code")
    parser.add_argument("--text", help="only those with this text in their reason or body")
    parser.add_argument("--job-id", metavar="ID", help="only this job's")
    parser.add_argument("--tenant", help="only this tenant's")


def bulk_arguments(parser: ArgumentParser) -> None:
    """How many, and whether in earnest."""
    parser.add_argument("--limit", type=limit, help="at most so many per agent")
    earnest = parser.add_mutually_exclusive_group()
    earnest.add_argument(
        "--dry-run", action="store_true", help="count only; this is so without --yes"
    )
    earnest.add_argument("--yes", action="store_true", help="do it")


def selection_of(arguments: Namespace) -> Selection:
    """The letters that the command line means."""
    from muster.letters.selection import Selection

    return Selection(
        error=arguments.error,
        text=arguments.text,
        job_id=arguments.job_id,
        tenant=arguments.tenant,
    )


def show_tallies(context: Context, tallies: Sequence[Tally], *, yes: bool) -> Exit:
    """Show what was counted; the command failed where SQS refused a letter."""
    rows = [tally.to_json() for tally in tallies]
    context.show_rows(rows, columns=_COLUMNS, none="No agent has a dead-letter queue.")
    if not yes:
        context.say("Nothing was changed: this was a dry run. Add --yes to do it.")
    worn_out = sum(tally.worn_out for tally in tallies)
    if worn_out:
        context.say(
            f"{worn_out} letters were redriven several times already and failed each time; they are "
            "left. Mend the cause; --max-redrives insists."
        )
    refused = sum(tally.refused for tally in tallies)
    if refused:
        context.say(f"{refused} letters could not be sent and are left; run the command again.")
    return Exit.FAILED if refused else Exit.OK
