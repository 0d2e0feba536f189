"""`muster jobs logs`: what one job logged."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.cli.found_job import found_job

if TYPE_CHECKING:
    from muster.cli.worker_log import WorkerLog


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="of the job or of its execution")
    parser.add_argument("--agent", metavar="ID", help="whose, when several have a job of that id")
    parser.add_argument(
        "--kept", action="store_true", help="only what is kept with the execution: asks no log"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.cli.worker_log import WorkerLog, told, worker_log

    row = found_job(context, arguments.id, agent=arguments.agent)
    kept = row["log_tail"] or ""
    log = WorkerLog() if arguments.kept else worker_log(context, row)
    shown = {
        name: row[name]
        for name in (
            "agent_id", "job_id", "execution_id", "status", "attempts", "worker", "log_stream",
            "code_version", "traceparent",
        )
    }  # fmt: skip
    text = "\n".join(told(line) for line in log.lines) or kept
    # Line ends stay; other control characters would let a stored text rewrite the terminal.
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    context.show(
        {
            **shown,
            "lines": kept.splitlines(),
            "log": {
                "source": log.source or None,
                "complete": log.complete,
                "problem": log.problem or None,
                "lines": list(log.lines),
            },
        },
        text=text or "The job has logged nothing.",
    )
    context.say(_whence(log, row))
    return Exit.OK


def _whence(log: WorkerLog, row: dict[str, Any]) -> str:
    if log.lines:
        more = "" if log.complete else "; there is more"
        return f"From {log.source}{more}. An earlier attempt of another worker is in {_kept()}."
    if log.problem:
        return f"{log.problem} Shown is {_kept()}."
    stream = f" Its log stream is {row['log_stream']}." if row["log_stream"] else ""
    return f"Shown is {_kept()}.{stream}"


def _kept() -> str:
    return "what is kept with the execution (--kept)"


LOGS = Command(
    name="logs",
    summary="show what a job logged: from its worker's log, or what is kept with it",
    arguments=_arguments,
    run=_run,
)
