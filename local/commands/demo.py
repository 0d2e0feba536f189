"""`muster demo`: the whole journey on this machine, checked."""

from __future__ import annotations

from argparse import Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    from local.cloud import Cloud
    from local.demo.report import report
    from local.demo.run import Demo

    cloud = Cloud.of_checkout(say=context.say)
    result = Demo(cloud=cloud, say=context.say).run()
    context.show(result, text=report(result, program=cloud.checkout.program))
    return Exit.OK if result["ok"] else Exit.FAILED


COMMAND = Command(
    name="demo",
    summary="deploy to this machine, send jobs of every kind, check what became of each",
    run=_run,
)
