"""Which way of calling an agent its manifest asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from muster.isolation.caller import Caller
from muster.manifest.model import Manifest

_MIB = 1024 * 1024


def caller_of(
    manifest: Manifest,
    *,
    folder: Path,
    environ: Mapping[str, str],
    own_tmp: str,
    jobs_at_once: int = 1,
) -> Caller:
    """The `Caller` of an agent; with `isolation = "shared"` its code is imported here and now.

    Args:
        folder: of the agent, with `agent.py`.
        environ: of this process.
        own_tmp: a folder for temporary files that nobody but this worker uses; empty: there is none.
        jobs_at_once: how many calls share the manifest's memory.

    Raises:
        ConfigurationError: the folder has no agent.
        Exception: whatever the agent's own code raises while it is imported.
    """
    if manifest.isolation == "process":
        from muster.isolation.in_process import InProcess

        return InProcess(
            folder,
            environ=environ,
            memory_bytes=manifest.memory * _MIB // jobs_at_once,
            sweep=Path(own_tmp) if own_tmp else None,
        )
    from muster.agent_loader import load_agent
    from muster.isolation.in_thread import InThread

    return InThread(load_agent(folder))
