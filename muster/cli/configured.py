"""An agent's config and its history as the command line shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from muster.cli.context import Context

if TYPE_CHECKING:
    from muster.store.config_changes import Configured, Written


def show_configured(context: Context, now: Configured) -> None:
    """Every key with its value and who says so; jobs that cannot run with them are told of."""
    from muster.agent_config import effective
    from muster.cli.table import render
    from muster.config_change import misfit

    seen = now.agent_config
    config = effective(now.defaults, seen.changes, None)
    problem = misfit(now.defaults, seen.changes, now.schema)
    rows = [
        {
            "key": key,
            "value": _shown(value),
            "from": f"version {seen.version}" if key in seen.changes else "manifest",
        }
        for key, value in sorted(config.items())
    ]
    who = f", by {now.created_by}" if now.created_by else ""
    context.say(f"{now.agent_id} {now.agent_version}: AgentConfig version {seen.version}{who}")
    if problem:
        context.say(f"{problem} Its jobs fail as invalid_config until it does.")
    context.show(
        {
            "agent_id": now.agent_id,
            "agent_version": now.agent_version,
            "version": seen.version,
            "config": config,
            "changes": seen.changes,
            "defaults": now.defaults,
            "created_by": now.created_by,
            "created_at": now.created_at,
            "problem": problem,
        },
        text=render(rows, columns=("key", "value", "from")) if rows else "(empty)",
    )


def show_history(context: Context, written: Sequence[Written], *, limit: int) -> None:
    """Versions, newest first, each with what it changed.

    Args:
        written: newest first; one more than `limit` where there are more.
    """
    from muster.agent_config import AgentConfig
    from muster.config_change import difference

    rows: list[dict[str, Any]] = []
    for at, version in enumerate(written[:limit]):
        older = written[at + 1].agent_config if at + 1 < len(written) else AgentConfig()
        differs = difference(older.changes, version.agent_config.changes)
        rows.append(
            {
                "version": version.agent_config.version,
                "created_at": version.created_at,
                "created_by": version.created_by,
                "change": str(differs),
                "set": differs.set,
                "unset": differs.unset,
                "config": version.agent_config.changes,
            }
        )
    columns = ("version", "created_at", "created_by", "change")
    context.show_rows(rows, columns=columns, none="Nobody has changed its config.")


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
