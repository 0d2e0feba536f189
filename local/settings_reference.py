"""docs/reference/configuration.md, made from the code: every setting of every component.

    python -m local.settings_reference > docs/reference/configuration.md

What a setting means is the comment `#:` that stands above it.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

from muster import contracts
from muster.fleet_settings import FleetSettings
from stacks import config
from stacks.api_settings import ApiSettings
from stacks.budget_settings import BudgetSettings, IntakeSettings
from stacks.containers import ContainerSettings
from stacks.database_settings import ExternalDatabase, InstanceDatabase
from stacks.outbound import OutboundSettings

#: Properties of a stage, with the values that they hold.
STAGE: Sequence[type] = (
    config.Stage,
    InstanceDatabase,
    ExternalDatabase,
    config.NetworkSettings,
    ContainerSettings,
    ApiSettings,
    BudgetSettings,
    IntakeSettings,
    OutboundSettings,
    FleetSettings,
)

#: What the stacks tell each component.
ENVIRONMENTS: Sequence[tuple[str, type[contracts.Environment]]] = (
    ("every component", contracts.DatabaseEnvironment),
    ("agents and dispatcher", contracts.CallingEnvironment),
    ("functions and listeners of agents", contracts.AgentEnvironment),
    ("listener", contracts.ListenerEnvironment),
    ('listener with `isolation = "task"`', contracts.LauncherEnvironment),
    ("dispatcher", contracts.DispatcherEnvironment),
    ("HTTP API", contracts.ApiEnvironment),
)

#: Modules whose times and sizes are fixed in the code.
FIXED: Sequence[tuple[str, str]] = (
    ("dispatcher", "muster.dispatcher.tick"),
    ("dispatcher", "muster.dispatcher.firing"),
    ("dispatcher and leading listener", "muster.dispatcher.upkeep"),
    ("dispatcher", "muster.dispatcher.retention"),
    ("dispatcher", "muster.dispatcher.duties"),
    ("dispatcher", "muster.dispatcher.endpoints"),
    ("dispatcher", "muster.dispatcher.spending"),
    ("retries", "muster.retry"),
    ("worker", "muster.execution.worker"),
    ("instances", "muster.store.instances"),
    ("listener", "ecs_listener.listener"),
    ("listener", "ecs_listener.polling"),
    ("listener", "ecs_listener.supervision"),
    ("events", "muster.events.subscription"),
    ("names and limits", "muster.contracts"),
)

#: Read by a process itself; no stack sets them for it, or ECS and Lambda do.
READ = (
    ("`DATABASE_URL`", "the local cloud's", "", "Command line: the database to act on."),
    ("`AWS_*`", "the SDK's", "", "Command line: the account to act on."),
    ("`MUSTER_DEBUG`", "", "", "Command line: show the traceback of an unexpected error."),
    (
        "`POWERTOOLS_LOG_LEVEL`",
        "INFO",
        "",
        "Functions and listeners: least level of a line that is written.",
    ),
    ("`HOSTNAME`", "the container's", "", "Listener: log stream that its executions name."),
    (
        "instance id",
        "agent and ECS task id",
        "",
        "Listener: made when it starts; a random part where there is no ECS.",
    ),
)

#: What names say by themselves, or the comment of the one before says too.
PLAIN = {
    "Stage.name": "The stage's name; in the name of every stack.",
    "Stage.database": "Where the ledger is.",
    "Stage.architecture": "Processors of the functions and listeners.",
    "Stage.log_retention_days": "Days for which CloudWatch keeps logs.",
    "Stage.outbound": "Whom agents may call at URLs that came from outside.",
    "InstanceDatabase.instance_class": "RDS instance class, without `db.`.",
    "InstanceDatabase.storage_gib": "Storage at the beginning.",
    "InstanceDatabase.multi_az": "A standby in another zone.",
    "InstanceDatabase.backup_days": "Days for which RDS keeps backups.",
    "ExternalDatabase.tls": "Whether certificate and name of the server are verified.",
    "ExternalDatabase.max_connections": "Connections that the server grants Muster.",
    "NetworkSettings.zones": "Availability zones.",
    "NetworkSettings.cidr": "Addresses of the VPC.",
    "ApiSettings.burst": "Calls at once over all callers after a rest.",
    "ApiSettings.key_burst": "Calls at once of one API key after a rest.",
    "ApiSettings.hook_burst": "Deliveries at once of one webhook after a rest.",
    "ApiEnvironment.hook_burst": "Deliveries at once of one webhook after a rest.",
    "DatabaseEnvironment.stage": "The stage's name.",
    "AgentEnvironment.agent_id": "The agent that it runs.",
    "AgentEnvironment.dead_letter_queue_url": "The agent's dead-letter queue.",
    "AgentEnvironment.results_bucket": "Bucket of results that are too large for a row.",
    "LauncherEnvironment.cluster": "The cluster in which tasks are launched.",
    "LauncherEnvironment.security_groups": "JSON: ids of the security groups of a launched task.",
    "ApiEnvironment.key_burst": "Calls at once of one API key after a rest.",
}

_UNITS = {
    "days": "days",
    "gib": "GiB",
    "seconds": "s",
    "minutes": "minutes",
    "months": "months",
    "bytes": "bytes",
    "blocks": "8 KiB blocks",
    "usd": "US dollars",
    "port": "port",
    "ports": "ports",
    "connections": "connections",
    "concurrency": "jobs",
    "slots": "jobs",
    "visibility": "s",
    "rate": "calls/s",
    "burst": "calls",
}
_TITLE = """# Configuration

Every setting of every component. Made from the code by `python -m local.settings_reference`; a test says
when it is stale.
"""
_HEAD = "| name | default | unit | meaning |\n|---|---|---|---|\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One line of a table."""

    name: str
    default: str
    unit: str
    meaning: str

    def line(self) -> str:
        """As Markdown."""
        cells = (self.name, self.default, self.unit, self.meaning)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def text() -> str:
    """The whole document."""
    parts = [_TITLE]
    parts += ["\n## Properties of a stage\n\nIn `stacks/config.py`.\n"]
    for kind in STAGE:
        parts += [f"\n### `{kind.__name__}`\n\n{_HEAD}", *(each.line() for each in _fields(kind))]
    parts += [
        "\n## Environment\n\nThe stacks set these; each reads `MUSTER_` in front of its property's name.\n"
    ]
    told: set[str] = set()
    for component, kind in ENVIRONMENTS:
        own = [each for each in _variables(kind) if each.name not in told]
        told |= {each.name for each in own}
        parts += [f"\n### Of {component}\n\n{_HEAD}", *(each.line() for each in own)]
    parts += [f"\n### Read by the process itself\n\n{_HEAD}"]
    parts += [
        Setting(name=name, default=default, unit=unit, meaning=meaning).line()
        for name, default, unit, meaning in READ
    ]
    parts += ["\n## Fixed in the code\n"]
    for component, name in FIXED:
        module = importlib.import_module(name)
        parts += [f"\n### `{name}` ({component})\n\n{_HEAD}"]
        parts += [each.line() for each in _constants(module)]
    return "".join(parts)


def _fields(kind: type) -> Iterator[Setting]:
    meanings = _meanings(inspect.getsource(kind), own=kind.__name__)
    for field in dataclasses.fields(kind):
        default = _default(field)
        yield Setting(
            name=f"`{field.name}`",
            default=_shown(default),
            unit="s" if kind is FleetSettings else _unit(field.name, default),
            meaning=meanings.get(field.name, ""),
        )


def _variables(kind: type[contracts.Environment]) -> Iterator[Setting]:
    meanings: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__[:-1]):
        meanings |= _meanings(inspect.getsource(ancestor), own=ancestor.__name__)
    for field in dataclasses.fields(kind):
        yield Setting(
            name=f"`{kind.variable(field.name)}`",
            default="by the stack",
            unit=_unit(field.name, ""),
            meaning=meanings.get(field.name, ""),
        )


def _constants(module: ModuleType) -> Iterator[Setting]:
    meanings = _meanings(inspect.getsource(module), own=None)
    for name, meaning in meanings.items():
        value = getattr(module, name, None)
        if name[0].isalpha() and name.isupper() and isinstance(value, int | float | timedelta):
            unit = "s" if isinstance(value, timedelta | float) else _unit(name.lower(), value)
            yield Setting(name=f"`{name}`", default=_shown(value), unit=unit, meaning=meaning)


def _meanings(source: str, *, own: str | None) -> dict[str, str]:
    """Name -> the comment above it, of the assignments of a module, or of one class."""
    lines, tree = source.splitlines(), ast.parse(source)
    body = tree.body
    if own is not None:
        body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == own).body
    found: dict[str, str] = {}
    for node in body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                names = [name]
            case ast.Assign(targets=[ast.Tuple(elts=targets)]):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
            case _:
                continue
        for name in names:
            meaning = PLAIN.get(f"{own}.{name}") or _comment(lines, node.lineno - 1)
            found |= {name: meaning} if meaning else {}
    return found


def _comment(lines: Sequence[str], at: int) -> str:
    above: list[str] = []
    while at and lines[at - 1].strip().startswith("#:"):
        at -= 1
        above.insert(0, lines[at].strip()[2:].strip())
    return " ".join(above)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


def _shown(value: object) -> str:
    if value is dataclasses.MISSING:
        return "(required)"
    if dataclasses.is_dataclass(value):
        return f"`{type(value).__name__}()`"
    if isinstance(value, str | tuple | Mapping):
        return f"`{value}`" if value else "empty"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.10g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unit(name: str, value: object) -> str:
    if isinstance(value, timedelta):
        return "s"
    last = name.rpartition("_")[2]
    return _UNITS.get(last, "") if not isinstance(value, bool) else ""


def main() -> None:
    """Print it."""
    sys.stdout.write(text())


if __name__ == "__main__":
    main()
