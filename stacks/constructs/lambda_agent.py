"""An agent on Lambda: a function, and an event source for each lane."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from muster.contracts import AgentEnvironment
from muster.manifest import Manifest
from stacks.acknowledgement import acknowledge
from stacks.constructs.agent import Agent, Surroundings
from stacks.constructs.python_function import PythonFunction
from stacks.lane_shares import lane_shares
from stacks.packaging import agent_folder, agent_layer
from stacks.watch import Urgency
from stacks.watches.function import duration, errors, throttles

HANDLER = "lambdas.agents.handler.handler"


class LambdaAgent(Agent):
    """Everything that one manifest with `compute = "lambda"` deploys."""

    def __init__(
        self,
        scope: Construct,
        *,
        manifest: Manifest,
        surroundings: Surroundings,
        dependencies: lambda_.ILayerVersion,
    ) -> None:
        self._shares = lane_shares(manifest, surroundings.platform.stage)
        super().__init__(scope, manifest=manifest, surroundings=surroundings)
        own = agent_layer(self, self.platform.stage, agent_folder(manifest))
        self.function = PythonFunction(
            self,
            "Agent",
            platform=self.platform,
            database=self.database,
            handler=HANDLER,
            description=f"Muster agent {manifest.id} {manifest.version}",
            environment=AgentEnvironment(**self.told()),
            variables=manifest.env,
            layers=[dependencies, *([own] if own else [])],
            timeout=Duration.seconds(manifest.function_timeout.total_seconds()),
            memory_mib=manifest.memory,
            ephemeral_storage_mib=manifest.ephemeral_storage or 512,
            egress=manifest.egress,
        )
        self.admit(self.function.role)
        self._consume()
        self.show(self.function.logs)
        name = self.function.function.function_name
        self.watch(
            errors(name, urgency=Urgency.PAGE),
            throttles(name),
            duration(name, timeout=manifest.function_timeout),
        )

    @property
    def slots(self) -> int:
        """See `Agent.slots`: an event source cannot be limited below 2."""
        return self._shares.slots

    def endpoint(self) -> dict[str, object]:
        """See `Agent.endpoint`; the function's name and its log group too."""
        return {
            **super().endpoint(),
            "function": self.function.function.function_name,
            "log_group": self.function.logs.log_group_name,
        }

    def _consume(self) -> None:
        manifest = self.manifest
        for lane, queue in self.queue.lanes.items():
            # Lambda asks for it before it makes an event source.
            queue.grant(self.function.role, "sqs:GetQueueAttributes")
            source = lambda_.EventSourceMapping(
                self,
                f"{lane.capitalize()}Source",
                target=self.function.function,
                event_source_arn=queue.queue_arn,
                batch_size=manifest.queue.batch,
                max_concurrency=self._shares.functions[lane],
                report_batch_item_failures=True,
            )
            letters = "The queue has the dead-letter queue, and the ledger decides what goes there."
            acknowledge(source, LambdaEventSourceMappingDestination=letters, ES1001=letters)
