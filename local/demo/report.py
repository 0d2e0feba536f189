"""The demo's result for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.demo.verdict import busy
from muster.cli.table import render

TOO_BUSY = (
    "This machine is busy: half of the jobs waited so long that what is timed cannot be judged. "
    "Run it again when it is quieter."
)


def report(result: Mapping[str, Any], *, program: Path) -> str:
    """Tables of executions and dead letters, latencies, and what to try next.

    Args:
        result: what `Demo.run` returned.
        program: path of the `muster` command.
    """
    executions = [
        {"agent": agent, "state": state, "executions": number}
        for agent, states in result["executions"].items()
        for state, number in states.items()
    ]
    latency = result["latency_ms"]
    summary = (
        f"{result['sent']} messages, {result['duplicates']} recognised as duplicate. "
        f"Latency p50 {latency['p50']} ms, p99 {latency['p99']} ms. "
        f"Deployed in {result['deploy_seconds']} s, all done in {result['total_seconds']} s."
    )
    scenes = (
        f"The deployed tick fired a schedule ({result['fired']} times), an urgent job overtook "
        f"{result['overtaken']} others, a change of config was taken up after "
        f"{result['config_seconds']} s. A signed webhook that came twice started one job; a late "
        f"replay was answered {result['webhook']['late']}, a forged one {result['webhook']['forged']}. "
        f"A worker outside, {result['outside']['instance']}, registered itself over HTTP, took a job and "
        f"reported {' and '.join(result['outside']['reported'])}."
    )
    lines = [
        render(executions, columns=("agent", "state", "executions")),
        "",
        summary,
        scenes,
        "",
        "Dead letters:",
        render(result["dlq"], columns=("agent", "job_id", "attempts", "reason")),
        "",
    ]
    if result["problems"]:
        lines += ["Not as it must be:", *(f"  {problem}" for problem in result["problems"])]
        if busy(latency["p50"]):
            lines += [TOO_BUSY]
        return "\n".join(lines)
    lines += [
        "Every execution is as it must be. Try next:",
        f"  {program} jobs list --limit 5",
        f"  {program} jobs get demo-{result['run']}-fails-twice",
        f'  {program} send document-profile --params \'{{"text": "hello"}}\'',
        f"  {program} dlq peek",
        f'  eval "$({program} env)"; psql "$DATABASE_URL"',
        f"  {program} down",
    ]
    return "\n".join(lines)
