"""An agent on Lambda: queues, function, event source, rights and alarm, in one."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Duration, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from muster.contracts import AgentEnvironment
from muster.manifest import Manifest
from stacks.acknowledgement import acknowledge
from stacks.bucket_right import bucket_rights
from stacks.constructs.agent_queue import AgentQueue
from stacks.constructs.dead_letter_alarm import DeadLetterAlarm
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.s3_triggers import S3Triggers
from stacks.packaging import agent_folder, agent_layer
from stacks.platform import Platform
from stacks.storage import StorageStack

HANDLER = "lambdas.agents.handler.handler"


class LambdaAgent(Construct):
    """Everything that one manifest with `compute = "lambda"` deploys."""

    def __init__(
        self,
        scope: Construct,
        *,
        manifest: Manifest,
        platform: Platform,
        dependencies: lambda_.ILayerVersion,
        storage: StorageStack,
        alerts: sns.ITopic,
        dispatcher: iam.IRole,
    ) -> None:
        super().__init__(scope, manifest.id)
        stage = platform.stage
        self.manifest = manifest
        self._stage = stage
        self.queue = AgentQueue(
            self,
            "Queue",
            lanes=manifest.queue.lanes,
            visibility_timeout=Duration.seconds(manifest.visibility_timeout.total_seconds()),
            max_receive_count=manifest.max_receive_count,
        )
        own = agent_layer(self, stage, agent_folder(manifest))
        self.function = PythonFunction(
            self,
            "Agent",
            platform=platform,
            handler=HANDLER,
            description=f"Muster agent {manifest.id} {manifest.version}",
            environment=AgentEnvironment(
                stage=stage.name,
                database_secret=platform.database.secret_id(),
                database_tls=stage.database_tls,
                code_version=platform.code_version,
                agent_id=manifest.id,
                agent_folder=agent_folder(manifest),
                queue_urls=Stack.of(self).to_json_string(
                    {lane: queue.queue_url for lane, queue in self.queue.lanes.items()}
                ),
                dead_letter_queue_url=self.queue.dead_letters.queue_url,
                results_bucket=storage.results.bucket_name,
            ),
            variables=manifest.env,
            layers=[dependencies, *([own] if own else [])],
            timeout=Duration.seconds(manifest.function_timeout.total_seconds()),
            memory_mib=manifest.memory,
            ephemeral_storage_mib=manifest.ephemeral_storage or 512,
            egress=manifest.egress,
        )
        self._consume()
        self._grant(storage)
        self.queue.grant_dispatch(dispatcher)
        owner = f"Agent {manifest.id} ({stage.name})"
        DeadLetterAlarm(
            self, "DeadLetterAlarm", queue=self.queue.dead_letters, owner=owner, alerts=alerts
        )
        if manifest.s3:
            S3Triggers(
                self,
                "S3",
                triggers=manifest.s3,
                buckets=storage.buckets,
                queue=self.queue.normal,
                owner=owner,
                alerts=alerts,
            )
        Tags.of(self).add("Agent", manifest.id)
        for key, value in manifest.cost_tags.items():
            Tags.of(self).add(key, value)

    def endpoint(self) -> dict[str, object]:
        """How the agent is reached, as registration and the stack's output tell it."""
        return {
            "queues": {lane: queue.queue_url for lane, queue in self.queue.lanes.items()},
            "dlq": self.queue.dead_letters.queue_url,
            "function": self.function.function.function_name,
        }

    def _consume(self) -> None:
        manifest = self.manifest
        for lane, queue in self.queue.lanes.items():
            queue.grant_consume_messages(self.function.role)
            source = lambda_.EventSourceMapping(
                self,
                f"{lane.capitalize()}Source",
                target=self.function.function,
                event_source_arn=queue.queue_arn,
                batch_size=manifest.queue.batch,
                max_concurrency=self._stage.functions_at_once(manifest.concurrency),
                report_batch_item_failures=True,
            )
            acknowledge(
                source,
                LambdaEventSourceMappingDestination="The queue has the dead-letter queue, and the "
                "ledger decides what goes there.",
            )

    def _grant(self, storage: StorageStack) -> None:
        role = self.function.role
        self.queue.dead_letters.grant(role, "sqs:SendMessage")
        storage.grant_results(role)
        for right, names in (
            ("read", self.manifest.permissions.read),
            ("write", self.manifest.permissions.write),
        ):
            for wanted in bucket_rights(names):
                storage.grant(right, wanted, role)
