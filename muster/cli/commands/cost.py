"""`muster cost`: what jobs cost, by what was metered of them."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit

if TYPE_CHECKING:
    from muster.cost.prices import Prices
    from muster.cost.usage import Usage

_ARCHITECTURES = ("arm64", "x86_64")
_MIB = 1024 * 1024
_COSTS = ("compute", "requests", "tokens", "total")
_AGENT_COLUMNS = ("agent_id", "version", "jobs", "attempts", "seconds", *_COSTS, "per_job")
_JOB_COLUMNS = ("agent_id", "job_id", "status", "attempts", "seconds", *_COSTS)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", metavar="AGENT", nargs="?", help="one agent; all when not given")
    parser.add_argument("--job", metavar="ID", help="one job, by its own id or its execution's")
    parser.add_argument(
        "--idle",
        metavar="FOLDER",
        help="instead: what the stage synthesised there (cdk.out) costs a month at rest",
    )
    parser.add_argument(
        "--since", metavar="DURATION", default="720h", help="of jobs made since (default: 720h)"
    )
    parser.add_argument(
        "--architecture",
        choices=_ARCHITECTURES,
        default=_ARCHITECTURES[0],
        help="the stage's, where a manifest names none (default: %(default)s)",
    )
    parser.add_argument(
        "--prices", metavar="FILE", help="JSON with prices that differ, those of tokens above all"
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from muster.manifest import parse_duration
    from muster.store.reader import reading

    prices = _prices(arguments.prices)
    if arguments.idle:
        return _idle(context, Path(arguments.idle), prices)
    try:
        period = parse_duration(arguments.since).total_seconds()
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error
    if period <= 0:
        raise UsageError("--since: give a duration such as 24h")
    with reading(context.database(), topic="cost") as reader:
        if arguments.job:
            rows = reader.rows("usage_of_job", {"id": arguments.job})
            if not rows:
                raise NotFound(f"There is no job {arguments.job} that has started.")
            shown = [_job(row, arguments.architecture, prices) for row in rows]
            context.show_rows(shown, columns=_JOB_COLUMNS, none="")
            return Exit.OK
        rows = reader.rows("usage_of_agents", {"seconds": period, "agent": arguments.agent})
    shown = [_agent(row, arguments.architecture, prices, period) for row in rows]
    context.show_rows(
        shown, columns=_AGENT_COLUMNS, none=f"No job has started in {arguments.since}."
    )
    for row in shown:
        for sentence in row["advice"]:
            context.say(f"{row['agent_id']}: {sentence}")
    context.say(
        f"US dollars, list prices of {prices.region} as of {prices.date}, or those of --prices"
    )
    return Exit.OK


def _idle(context: Context, folder: Path, usage: Prices) -> Exit:
    from muster.cost.idle import idle_cost, templates_in
    from muster.cost.idle_prices import IdlePrices

    prices = IdlePrices()
    resources = [r for t in templates_in(folder) for r in t["Resources"].values()]
    idle = idle_cost(resources, prices, usage)
    shown = {**idle.by_group(), "total": idle.total}
    rows = [{"group": group, "monthly": round(usd, 2)} for group, usd in shown.items()]
    context.show_rows(rows, columns=("group", "monthly"), none="")
    if idle.unknown:
        context.say(f"not priced: {', '.join(idle.unknown)}")
    context.say(f"US dollars a month, list prices of {prices.region} as of {prices.date}")
    return Exit.OK


def _prices(path: str | None) -> Prices:
    from muster.cost.prices import Prices

    if path is None:
        return Prices()
    try:
        changes: Any = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--prices {path}: {error}") from error
    if not isinstance(changes, dict):
        raise UsageError(
            f'--prices {path}: use a JSON object, such as {{"million_input_tokens": 3}}'
        )
    return Prices.changed(changes)  # pyright: ignore[reportUnknownArgumentType] - it is checked there


def _usage(row: Mapping[str, Any]) -> Usage:
    from muster.cost.usage import Usage

    return Usage(
        attempts=row["attempts"],
        seconds=row["seconds"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
    )


def _priced(row: Mapping[str, Any], architecture: str, prices: Prices) -> dict[str, float]:
    from muster.cost.usage import Size, cost

    size = Size.of_manifest(row["manifest"], architecture=architecture)
    costs = cost(_usage(row), size, prices)
    parts = {"compute": costs.compute, "requests": costs.requests, "tokens": costs.tokens}
    return {name: round(value, 9) for name, value in {**parts, "total": costs.total}.items()}


def _job(row: Mapping[str, Any], architecture: str, prices: Prices) -> dict[str, Any]:
    names = ("agent_id", "job_id", "execution_id", "status", "attempts")
    told = {name: row[name] for name in names}
    return {**told, "seconds": round(row["seconds"], 3), **_priced(row, architecture, prices)}


def _agent(
    row: Mapping[str, Any], architecture: str, prices: Prices, period: float
) -> dict[str, Any]:
    from muster.cost.advice import Observed, advice
    from muster.cost.usage import Size

    priced = _priced(row, architecture, prices)
    observed = Observed(
        jobs=row["jobs"],
        usage=_usage(row),
        peak_memory=int(row["peak_bytes"] / _MIB),
        longest=row["longest"],
        period=period,
    )
    size = Size.of_manifest(row["manifest"], architecture=architecture)
    return {
        "agent_id": row["agent_id"],
        "version": row["agent_version"],
        "jobs": row["jobs"],
        "attempts": row["attempts"],
        "seconds": round(row["seconds"], 3),
        **priced,
        "per_job": round(priced["total"] / row["jobs"], 9),
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "peak_memory_mib": observed.peak_memory,
        "advice": list(advice(observed, size, prices)),
    }


COMMAND = Command(
    name="cost", summary="what jobs cost, by what was metered", arguments=_arguments, run=_run
)
