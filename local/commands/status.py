"""`muster status`: what runs."""

from __future__ import annotations

from argparse import Namespace

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    from local.cloud import Cloud
    from local.emulator import health_nonce
    from local.stacks import statuses

    cloud = Cloud.of_checkout()
    state = cloud.state()
    answers = health_nonce(port=state.emulator_port or 0) == state.nonce
    stacks = statuses(cloud.aws(state)) if answers else {}
    shown = {
        "phase": str(state.phase),
        "supervisor_pid": state.supervisor.pid if state.supervisor else None,
        "endpoint_url": state.endpoint,
        "emulator_answers": answers,
        "postgres_port": state.postgres_port,
        "state_folder": str(cloud.checkout.state),
        "stacks": stacks,
    }
    lines = [f"{name.replace('_', ' '):17} {value}" for name, value in shown.items()][:-1]
    lines += [f"  {name}: {status}" for name, status in stacks.items()]
    context.show(shown, text="\n".join(lines))
    return Exit.OK if answers else Exit.UNAVAILABLE


COMMAND = Command(name="status", summary="show what of the local cloud runs", run=_run)
