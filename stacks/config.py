"""Stages: what differs between deployments, as typed values.

A stack never asks which stage it is in; it reads a property. To add a stage, add a value to `STAGES`.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from muster.contracts import KEEP_DAYS, LEAST_KEEP_DAYS
from muster.errors import ConfigurationError
from muster.fleet_settings import FleetSettings
from stacks.api_settings import ApiSettings
from stacks.budget_settings import BudgetSettings, IntakeSettings
from stacks.containers import ContainerSettings
from stacks.database_settings import ExternalDatabase, InstanceDatabase, problems_of
from stacks.emulator import LACKS as EMULATOR_LACKS
from stacks.outbound import LOCAL_SERVER_PORTS, OutboundSettings
from stacks.repository import Repository

Architecture = Literal["arm64", "x86_64"]

#: Days that a stage may keep its logs: what CloudWatch offers, in part.
LOG_RETENTION_DAYS = (1, 7, 14, 30, 90, 365)

#: Wheels that fit the functions of the cloud stages: CPython 3.14 on this architecture.
CLOUD_ARCHITECTURE: Architecture = "arm64"

#: Where `muster up` tells the local stage its database; a name, not a secret.
LOCAL_DATABASE = "muster/local/database"

#: An SQS event source cannot be limited below this.
MIN_EVENT_SOURCE_CONCURRENCY = 2

DEPLOY_COMMAND = "npx cdk deploy --all -c stage={stage}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSettings:
    """The VPC of a stage."""

    #: One is cheap; one per zone survives the loss of a zone.
    nat_gateways: int = 1
    zones: int = 2
    cidr: str = "10.42.0.0/16"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedBucket:
    """A bucket that someone else runs."""

    #: Its real name.
    name: str
    #: Whether its owner sends its events to EventBridge; only then `[[s3]]` may name it. The account and
    #: the region must be this stage's.
    sends_events: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One deployment target. Every default suits a small cloud stage."""

    name: str
    database: InstanceDatabase | ExternalDatabase
    #: None: the functions run outside a VPC.
    network: NetworkSettings | None
    #: Folders whose subfolders with an `agent.toml` are deployed, relative to the repository.
    agent_roots: tuple[str, ...] = ("lambdas/agents",)
    #: Stacks over which agents are spread by a stable hash. Changing it moves agents between stacks.
    agent_shards: int = 16
    architecture: Architecture = CLOUD_ARCHITECTURE
    #: Subfolder of `.muster/wheelhouse` whose wheels go into the layers.
    wheelhouse: str = "py314-aarch64"
    #: Data survives the deletion of its stack, and stacks with data cannot be deleted by accident.
    keep_data: bool = True
    log_retention_days: int = 30
    #: Days for which the ledger keeps executions and their events, at least; whole months leave.
    keep_days: int = KEEP_DAYS
    #: Address that alarms are mailed to; it has to confirm each of the two subscriptions once.
    alerts_email: str | None = None
    #: What the stage may cost a month; a ticket tells at 80 % spent and at 100 % forecast. None: no budget.
    budget: BudgetSettings | None = None
    #: From what metered cost of a month on the stage takes no more jobs until the next. None: no limit.
    intake: IntakeSettings | None = None
    #: A dashboard for each agent beside the stage's: 3 $ a month each, three of an account are free.
    agent_dashboards: bool = True
    #: Functions that Lambda runs at once for the whole account; an alarm tells when they get few.
    lambda_concurrency: int = 1000
    #: CloudFormation types that the platform does not know; `stacks/lacking.py` takes them out.
    lacks: frozenset[str] = frozenset()
    #: Logical buckets that manifests name; None makes one.
    buckets: Mapping[str, ImportedBucket | None] = field(default_factory=lambda: {"uploads": None})
    #: Folder for temporary files that each function or task has to itself: what jobs leave there can be
    #: removed. Empty where others use it, too: nothing in it is touched.
    own_tmp: str = "/tmp"  # noqa: S108 - every function and every container has its own
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    #: Most invocations at once per event source, whatever the agent's `concurrency`; None: no such ceiling.
    event_source_ceiling: int | None = None
    #: How listeners are built and run.
    containers: ContainerSettings = field(default_factory=ContainerSettings)
    #: Who may call the HTTP API how often.
    api: ApiSettings = field(default_factory=ApiSettings)
    #: The GitHub repository whose workflows may deploy this stage; None: no workflow may.
    repository: Repository | None = None
    #: Whether Postgres hints at events by NOTIFY, which serialises commits; else watchers look each second.
    event_hints: bool = False
    #: Heartbeats, terms of leaders, and when what is silent or stuck is given up.
    fleet: FleetSettings = field(default_factory=FleetSettings)
    #: Name of a managed policy of the account that bounds what any role of the stage can do; None: no bound.
    permissions_boundary: str | None = None
    #: Database connections left for people, backups and monitoring.
    reserved_connections: int = 20

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise ConfigurationError(f"stage {self.name!r}: " + "; ".join(problems))

    def functions_at_once(self, share: int) -> int:
        """Most functions that Lambda runs at once for an event source with that share of `concurrency`."""
        ceiling = self.event_source_ceiling or share
        return max(MIN_EVENT_SOURCE_CONCURRENCY, min(share, ceiling))

    @property
    def database_tls(self) -> str:
        """`verify-full`, except where an external database says otherwise."""
        return self.database.tls if isinstance(self.database, ExternalDatabase) else "verify-full"


def _problems(stage: Stage) -> list[str]:
    problems: list[str] = []
    if isinstance(stage.database, InstanceDatabase):
        problems += problems_of(stage.database)
        if stage.network is None:
            problems.append("an RDS database needs a network; set `network=NetworkSettings()`")
    if stage.network is not None:
        problems += _network_problems(stage.network)
    if not 1 <= stage.agent_shards <= 100:
        problems.append(f"agent_shards is {stage.agent_shards}; use 1 to 100")
    if stage.log_retention_days not in LOG_RETENTION_DAYS:
        problems.append(
            f"log_retention_days is {stage.log_retention_days}; "
            f"use one of {', '.join(map(str, LOG_RETENTION_DAYS))}"
        )
    if not LEAST_KEEP_DAYS <= stage.keep_days <= 3650:
        problems.append(
            f"keep_days is {stage.keep_days}; use {LEAST_KEEP_DAYS} to 3650: a job's row must outlive its id"
        )
    boundary = stage.permissions_boundary
    if boundary is not None and not re.fullmatch(r"[\w+=,.@/-]{1,128}", boundary):
        problems.append(
            f"permissions_boundary is {boundary!r}; use the name of a managed policy, not its ARN"
        )
    if not stage.agent_roots:
        problems.append("agent_roots is empty; name at least one folder of agents")
    return problems


def _network_problems(network: NetworkSettings) -> list[str]:
    problems: list[str] = []
    if network.zones != 2:
        problems.append(
            f"network.zones is {network.zones}; synth that needs no account knows 2 zones"
        )
    if not 1 <= network.nat_gateways <= network.zones:
        problems.append(
            f"network.nat_gateways is {network.nat_gateways}; "
            f"use 1 to {network.zones} (one per zone)"
        )
    return problems


def _host_architecture() -> Architecture:
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="local",
            database=ExternalDatabase(
                secret_name=LOCAL_DATABASE, tls="disable", max_connections=200
            ),
            network=None,
            agent_roots=("lambdas/agents", "local/agents"),
            agent_shards=1,
            architecture=_host_architecture(),
            wheelhouse="local",
            keep_data=False,
            log_retention_days=1,
            agent_dashboards=False,
            own_tmp="",
            event_hints=True,
            # Every invocation is a process that unpacks the layers: more get in each other's way.
            event_source_ceiling=4,
            # No Docker, and an emulator without containers or scaling: listeners run as processes.
            # What a listener that was killed held is soon taken up by the next.
            containers=ContainerSettings(image="muster/listener:local", tasks=False, visibility=10),
            lacks=EMULATOR_LACKS,
            # Servers of demos and tests; strangers are not called from here unless one says so.
            outbound=OutboundSettings(addresses=("127.0.0.1",), ports=LOCAL_SERVER_PORTS),
        ),
        Stage(
            name="dev",
            database=InstanceDatabase(instance_class="t4g.small"),
            network=NetworkSettings(nat_gateways=1),
            keep_data=False,
            agent_dashboards=False,
            log_retention_days=14,
            budget=BudgetSettings(monthly_usd=250),
        ),
        Stage(
            name="prod",
            database=InstanceDatabase(
                instance_class="m7g.large", multi_az=True, backup_days=30, max_storage_gib=500
            ),
            network=NetworkSettings(nat_gateways=2),
            log_retention_days=90,
            budget=BudgetSettings(monthly_usd=700),
        ),
    )
}


def stage_named(
    name: str | None, *, allow_external_requests: str | None = None, repository: str | None = None
) -> Stage:
    """The stage of that name; there is no default.

    Args:
        allow_external_requests: `yes` or `no` overrules what the stage says.
        repository: `OWNER@OWNER_ID/NAME@ID`, overrules the stage's repository.

    Raises:
        ConfigurationError: no such stage, none named, another word than yes and no, or a repository in
            another form.
    """
    if name is None or name not in STAGES:
        said = "no stage was given" if not name else f"there is no stage {name!r}"
        raise ConfigurationError(
            f"{said}; known stages: {', '.join(STAGES)}. Example: {DEPLOY_COMMAND.format(stage='dev')}"
        )
    stage = STAGES[name]
    if repository is not None:
        stage = replace(stage, repository=Repository.parse(repository))
    if allow_external_requests is None:
        return stage
    if allow_external_requests not in ("yes", "no"):
        raise ConfigurationError(
            f"allow_external_requests={allow_external_requests!r}: use yes or no"
        )
    external = allow_external_requests == "yes"
    return replace(stage, outbound=replace(stage.outbound, external=external))
