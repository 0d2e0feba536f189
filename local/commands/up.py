"""`muster up`: start the local cloud and deploy into it."""

from __future__ import annotations

import time
from argparse import Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    from local.cloud import Cloud
    from local.environment import describe

    started = time.monotonic()
    state = Cloud.of_checkout(say=context.say).up()
    seconds = round(time.monotonic() - started, 1)
    described = {"deploy_seconds": seconds, **describe(state)}
    agents = ", ".join(described["agents"]) or "none"
    context.show(described, text=f"Up after {seconds} s at {state.endpoint}. Agents: {agents}")
    return Exit.OK


COMMAND = Command(
    name="up", summary="start the local cloud, or update it, with the real CDK deploy", run=_run
)
