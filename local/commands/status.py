"""`muster status`: what runs."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from local.ports import LOOPBACK
from local.state import ListenerState
from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit


def _run(context: Context, _arguments: Namespace) -> Exit:
    from local.cloud import Cloud
    from local.emulator import health_nonce
    from local.listener.health import health
    from local.stacks import statuses

    cloud = Cloud.of_checkout()
    state = cloud.state()
    answers = health_nonce(port=state.emulator_port or 0) == state.nonce
    stacks = statuses(cloud.aws(state)) if answers else {}
    shown: dict[str, Any] = {
        "phase": str(state.phase),
        "supervisor_pid": state.supervisor.pid if state.supervisor else None,
        "endpoint_url": state.endpoint,
        "emulator_answers": answers,
        "postgres_port": state.postgres_port,
        "state_folder": str(cloud.checkout.state),
    }
    lines = [f"{name.replace('_', ' '):17} {value}" for name, value in shown.items()]
    lines += [f"  {name}: {status}" for name, status in stacks.items()]
    listeners = [_listener(one, health(one.port)) for one in state.listeners]
    lines += [f"  listener of {one['agent']}: {one['state']}, {one['url']}" for one in listeners]
    shown |= {"stacks": stacks, "listeners": listeners}
    context.show(shown, text="\n".join(lines))
    return Exit.OK if answers else Exit.UNAVAILABLE


def _listener(listener: ListenerState, health: dict[str, Any] | None) -> dict[str, Any]:
    well = health is not None and health["is_running"]
    return {
        "agent": listener.agent_id,
        "state": "running" if well else "unwell" if health else "does not answer",
        "url": f"http://{LOOPBACK}:{listener.port}/health",
        "starts": listener.starts,
        "health": health,
    }


COMMAND = Command(name="status", summary="show what of the local cloud runs", run=_run)
