"""`muster demo`: the whole journey on this machine, checked."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    from local.cloud import Cloud
    from local.demo.run import Demo

    cloud = Cloud.of_checkout(say=context.say)
    result = Demo(cloud=cloud, say=context.say).run()
    return tell(context, result, program=cloud.checkout.program)


def tell(context: Context, result: Mapping[str, Any], *, program: Path) -> Exit:
    """Show what came of a run; it has failed when something is not as it must be."""
    from local.demo.report import report

    context.show(result, text=report(result, program=program))
    return Exit.OK if result["ok"] else Exit.FAILED


COMMAND = Command(
    name="demo",
    summary="deploy to this machine, send jobs of every kind, check what became of each",
    run=_run,
)
