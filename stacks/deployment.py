"""The whole of a stage: which stacks there are, and what each hands to the next."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App, Aws, CfnResource, Tags, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from muster.errors import ConfigurationError
from muster.manifest import Manifest
from stacks.agents import AgentsStack
from stacks.alerts import Alerts
from stacks.api import ApiStack
from stacks.cluster import ClusterStack
from stacks.config import Stage
from stacks.connections import ConnectionBudget, connections_at_most
from stacks.database import DatabaseAccess, DatabaseStack
from stacks.database_settings import ExternalDatabase
from stacks.dispatcher import DispatcherStack
from stacks.lacking import take_out
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.packaging import code_version
from stacks.pipeline import PipelineStack
from stacks.platform import Platform
from stacks.registry import RegistryStack
from stacks.remembered_validation import RememberedValidation
from stacks.sharding import shard
from stacks.storage import StorageStack


def compose(app: App, *, stage: Stage, manifests: Sequence[Manifest]) -> None:
    """Add every stack of `stage` to `app`.

    Raises:
        ConfigurationError: the agents together need more than the database or a stack can hold.
    """
    ConnectionBudget(
        stage=stage, agents={m.id: connections_at_most(m, stage) for m in manifests}
    ).verify()

    def name(noun: str) -> str:
        return f"muster-{stage.name}-{noun}"

    network = (
        NetworkStack(
            app,
            name("network"),
            stage=stage,
            settings=stage.network,
            containers=any(manifest.compute == "fargate" for manifest in manifests),
        )
        if stage.network is not None
        else None
    )
    observability = ObservabilityStack(app, name("observability"), stage=stage)
    alerts = observability.alerts
    platform = Platform(
        stage=stage,
        network=network,
        database=_database(app, name("database"), stage, network, alerts),
        code_version=code_version(stage),
    )
    storage = StorageStack(app, name("storage"), stage=stage)
    registry = RegistryStack(app, name("registry"), platform=platform, manifests=manifests)
    cluster = ClusterStack(app, name("cluster"), stage=stage)
    dispatcher = DispatcherStack(
        app,
        name("dispatcher"),
        platform=platform,
        alerts=alerts,
        task_events=cluster.task_events,
    )
    dispatcher.add_stack_dependency(registry)
    api = ApiStack(
        app, name("api"), platform=platform, storage=storage, manifests=manifests, alerts=alerts
    )
    api.add_stack_dependency(registry)
    # Its alarms keep quiet while the dispatcher's page.
    api.add_stack_dependency(dispatcher)
    for number, members in shard(manifests, shards=stage.agent_shards).items():
        agents = AgentsStack(
            app,
            name(f"agents-{number}"),
            platform=platform,
            manifests=members,
            storage=storage,
            alerts=alerts,
            dispatcher=dispatcher.role,
            api=api.role,
            cluster=cluster,
            service_token=registry.service_token,
        )
        agents.add_stack_dependency(registry)
        agents.add_stack_dependency(cluster)
        agents.add_stack_dependency(dispatcher)
        agents.verify_size(f"agent_shards (now {stage.agent_shards})")
    if stage.repository is not None:
        PipelineStack(app, name("pipeline"), stage=stage, repository=stage.repository)
    if stage.permissions_boundary is not None:
        _bound(app, stage.permissions_boundary)
    take_out(app, stage)
    Tags.of(app).add("Project", "muster")
    Tags.of(app).add("Stage", stage.name)
    Tags.of(app).add("ManagedBy", "cdk")


def _bound(app: App, name: str) -> None:
    """Bound every role, those that the CDK makes included."""
    arn = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:policy/{name}"
    bounded = iam.CfnRole.CFN_RESOURCE_TYPE_NAME
    for construct in app.node.find_all():
        if isinstance(construct, CfnResource) and construct.cfn_resource_type == bounded:
            construct.add_property_override("PermissionsBoundary", arn)


def check(app: App, *, validated: Path | None = None) -> None:
    """Make findings of cdk-nag errors of the synth; the template validation is one by `cdk.json`.

    Args:
        validated: where reports of the template validation are kept; the app then has no built-in one.
    """
    checks = Validations.of(app)
    checks.add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    if validated is not None:
        checks.add_plugins(RememberedValidation(validated))


def _database(
    app: App, name: str, stage: Stage, network: NetworkStack | None, alerts: Alerts
) -> DatabaseAccess:
    if isinstance(stage.database, ExternalDatabase):
        return DatabaseAccess(secret=stage.database.secret_name)
    if network is None:
        raise ConfigurationError(f"stage {stage.name!r}: an RDS database needs a network")
    stack = DatabaseStack(
        app, name, stage=stage, settings=stage.database, network=network, alerts=alerts
    )
    return stack.access
