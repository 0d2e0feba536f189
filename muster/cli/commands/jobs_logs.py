"""`muster jobs logs`: what one job logged."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.cli.found_job import found_job


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="of the job or of its execution")
    parser.add_argument("--agent", metavar="ID", help="whose, when several have a job of that id")


def _run(context: Context, arguments: Namespace) -> Exit:
    row = found_job(context, arguments.id, agent=arguments.agent)
    kept = row["log_tail"] or ""
    shown = {
        name: row[name]
        for name in (
            "agent_id", "job_id", "execution_id", "status", "attempts", "worker", "log_stream",
            "code_version", "traceparent",
        )
    }  # fmt: skip
    # Line ends stay; other control characters would let a stored text rewrite the terminal.
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in kept)
    context.show({**shown, "lines": kept.splitlines()}, text=text or "The job has logged nothing.")
    if row["log_stream"]:
        context.say(
            f"The whole log is in the log stream {row['log_stream']}; its lines carry "
            f"execution {row['execution_id']}."
        )
    return Exit.OK


LOGS = Command(
    name="logs",
    summary="show the last of what a job logged, over all its attempts",
    arguments=_arguments,
    run=_run,
)
