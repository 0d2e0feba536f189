"""Agents, spread over stacks by a stable hash: CloudFormation takes 500 resources in one."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput, CfnResource, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from muster.contracts import OutputKey
from muster.errors import ConfigurationError
from muster.manifest import Manifest
from stacks.alerts import Alerts
from stacks.cluster import ClusterStack
from stacks.constructs.agent import Agent, Surroundings
from stacks.constructs.fargate_listener import FargateListener
from stacks.constructs.lambda_agent import LambdaAgent
from stacks.constructs.registration import Registration
from stacks.packaging import dependency_layer
from stacks.platform import Platform
from stacks.storage import StorageStack

#: CloudFormation's limit of one stack.
MAX_RESOURCES = 500


class AgentsStack(Stack):
    """The agents of one shard; they are registered when everything else of the stack stands."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        platform: Platform,
        manifests: Sequence[Manifest],
        storage: StorageStack,
        alerts: Alerts,
        dispatcher: iam.IRole,
        api: iam.IRole,
        cluster: ClusterStack,
        service_token: str,
    ) -> None:
        stage = platform.stage
        super().__init__(scope, id_, description=f"Muster {stage.name}: agents")
        functions = [manifest for manifest in manifests if manifest.compute == "lambda"]
        services = [manifest for manifest in manifests if manifest.compute == "fargate"]
        layers = [dependency_layer(self, stage)] if functions else []
        # Rights are written into the queues' policies: the roles' own would overflow with many agents.
        surroundings = Surroundings(
            platform=platform,
            storage=storage,
            alerts=alerts,
            dispatcher=self._let_in("DispatcherRole", dispatcher),
            api=self._let_in("ApiRole", api),
        )
        agents: list[Agent] = [
            LambdaAgent(self, manifest=manifest, surroundings=surroundings, dependencies=layer)
            for layer in layers
            for manifest in functions
        ]
        agents += [
            FargateListener(self, manifest=manifest, surroundings=surroundings, cluster=cluster)
            for manifest in services
        ]
        endpoints: dict[str, object] = {a.manifest.id: a.endpoint() for a in agents}
        registration = Registration(
            self,
            "Registration",
            service_token=service_token,
            stack=id_,
            manifests=manifests,
            endpoints=endpoints,
        )
        registration.node.add_dependency(*agents)
        CfnOutput(self, OutputKey.AGENTS, value=self.to_json_string(endpoints))

    def _let_in(self, id_: str, role: iam.IRole) -> iam.IRole:
        """The role of another stack, whose rights here stand in the policies of the queues."""
        return iam.Role.from_role_arn(
            self, id_, role.role_arn, mutable=False, add_grants_to_resources=True
        )

    def verify_size(self, setting: str) -> None:
        """Raises ConfigurationError when the stack outgrew CloudFormation; names the `setting` to raise."""
        count = sum(isinstance(c, CfnResource) for c in self.node.find_all())
        if count > MAX_RESOURCES:
            raise ConfigurationError(
                f"stack {self.stack_name} has {count} resources, CloudFormation takes {MAX_RESOURCES}; "
                f"raise {setting} in stacks/config.py"
            )
