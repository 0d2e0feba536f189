"""`muster env`: how to reach the local cloud."""

from __future__ import annotations

from argparse import Namespace

from muster.cli.command import Command
from muster.cli.commands.dlq_purge import BUCKET_VARIABLE
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    import shlex

    from local.cloud import Cloud
    from local.environment import describe, exports

    state = Cloud.of_checkout().state()
    if context.json:
        context.show(describe(state), text="")
        return Exit.OK
    shown = {**exports(state), BUCKET_VARIABLE: describe(state)["results_bucket"] or ""}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in shown.items()]
    context.show(None, text="\n".join(lines))
    return Exit.OK


COMMAND = Command(
    name="env",
    summary='print shell exports, for eval "$(muster env)"; with --json also queues and outputs',
    run=_run,
)
