"""What every agent has, whatever computes it: queues, alarm, triggers, tags and the rights of its role."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from muster.manifest import Manifest
from muster.manifest.limits import MAX_RECEIVE_COUNT
from stacks.bucket_right import bucket_rights
from stacks.constructs.agent_queue import AgentQueue
from stacks.constructs.dead_letter_alarm import DeadLetterAlarm
from stacks.constructs.s3_triggers import S3Triggers
from stacks.packaging import agent_folder
from stacks.platform import Platform
from stacks.storage import StorageStack


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the agents of a stack are connected to."""

    platform: Platform
    storage: StorageStack
    #: Where alarms go.
    alerts: sns.ITopic
    #: Whoever sends jobs again and counts the backlog.
    dispatcher: iam.IRole
    #: Whoever sends the jobs that were asked for over HTTP, and redrives dead letters.
    api: iam.IRole


class Agent(Construct):
    """An agent without its compute. Queues and triggers stay what they are when the compute changes."""

    def __init__(self, scope: Construct, *, manifest: Manifest, surroundings: Surroundings) -> None:
        super().__init__(scope, manifest.id)
        self.manifest = manifest
        self.platform = surroundings.platform
        self._storage = surroundings.storage
        stage = self.platform.stage
        self.owner = f"Agent {manifest.id} ({stage.name})"
        self.queue = AgentQueue(
            self,
            "Queue",
            lanes=manifest.queue.lanes,
            visibility_timeout=Duration.seconds(manifest.visibility_timeout.total_seconds()),
            # Waiting for a slot must not look like failing.
            max_receive_count=MAX_RECEIVE_COUNT if self.slots else manifest.max_receive_count,
        )
        self.queue.grant_dispatch(surroundings.dispatcher)
        self.queue.grant_send(surroundings.api)
        self.queue.grant_redrive(surroundings.api)
        DeadLetterAlarm(
            self,
            "DeadLetterAlarm",
            queue=self.queue.dead_letters,
            owner=self.owner,
            alerts=surroundings.alerts,
        )
        if manifest.s3:
            S3Triggers(
                self,
                "S3",
                triggers=manifest.s3,
                buckets=surroundings.storage.buckets,
                queue=self.queue.normal,
                owner=self.owner,
                alerts=surroundings.alerts,
            )
        Tags.of(self).add("Agent", manifest.id)
        for key, value in manifest.cost_tags.items():
            Tags.of(self).add(key, value)

    @property
    def slots(self) -> int:
        """Slots that the claim counts; 0 where the compute itself keeps to `concurrency`."""
        return 0

    def endpoint(self) -> dict[str, object]:
        """How the agent is reached, as registration and the stack's output tell it."""
        return {"queues": self._queue_urls(), "dlq": self.queue.dead_letters.queue_url}

    def told(self) -> dict[str, str]:
        """Fields of `AgentEnvironment`."""
        stage, manifest = self.platform.stage, self.manifest
        return {
            "stage": stage.name,
            "database_secret": self.platform.database.secret_id(),
            "database_tls": stage.database_tls,
            "code_version": self.platform.code_version,
            "agent_id": manifest.id,
            "agent_folder": agent_folder(manifest),
            "queue_urls": Stack.of(self).to_json_string(self._queue_urls()),
            "dead_letter_queue_url": self.queue.dead_letters.queue_url,
            "results_bucket": self._storage.results.bucket_name,
            "own_tmp": stage.own_tmp,
            "slots": str(self.slots),
            "allow_external_requests": "yes" if stage.outbound.external else "no",
            "outbound": stage.outbound.exceptions(),
        }

    def admit(self, role: iam.Role) -> None:
        """Let the role that runs the agent take jobs, bury them, and use what the manifest names."""
        for queue in self.queue.lanes.values():
            queue.grant_consume_messages(role)
        self.queue.dead_letters.grant(role, "sqs:SendMessage")
        self._storage.grant_results(role)
        for own, name in self.manifest.secrets.items():
            # By its name: the ARN ends in six characters that only Secrets Manager knows.
            secretsmanager.Secret.from_secret_name_v2(self, own, name).grant_read(role)
        for right, names in (
            ("read", self.manifest.permissions.read),
            ("write", self.manifest.permissions.write),
        ):
            for wanted in bucket_rights(names):
                self._storage.grant(right, wanted, role)

    def _queue_urls(self) -> dict[str, str]:
        return {lane: queue.queue_url for lane, queue in self.queue.lanes.items()}
