"""What every agent has, whatever computes it: queues, alarm, triggers, tags and the rights of its role."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from muster.database_roles import DatabaseRole
from muster.manifest import Manifest
from muster.manifest.limits import MAX_RECEIVE_COUNT
from stacks.alerts import Alerts, page_of
from stacks.bucket_right import bucket_rights
from stacks.constructs.agent_queue import AgentQueue
from stacks.constructs.agent_view import AgentView
from stacks.constructs.s3_triggers import S3Triggers
from stacks.constructs.watched import Watched
from stacks.packaging import agent_folder
from stacks.platform import Platform
from stacks.secret_right import let_read
from stacks.storage import StorageStack
from stacks.watch import Watch
from stacks.watches.agent import failure_rate, letters_refused, stuck_jobs
from stacks.watches.queue import backlog, dead_letters


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the agents of a stack are connected to."""

    platform: Platform
    storage: StorageStack
    #: Where alarms go.
    alerts: Alerts
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
        self.database = self.platform.access(DatabaseRole.WORKER)
        self._storage = surroundings.storage
        self._alerts = surroundings.alerts
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
        self._undelivered = None
        if manifest.s3:
            self._undelivered = S3Triggers(
                self,
                "S3",
                triggers=manifest.s3,
                buckets=surroundings.storage.buckets,
                queue=self.queue.normal,
                owner=self.owner,
            ).undelivered
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
            "database_secret": self.database.secret_id(),
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
        self.queue.grant_work(role)
        self._storage.grant_results(role)
        for name in self.manifest.secrets.values():
            let_read(self, role, name)
        for right, names in (
            ("read", self.manifest.permissions.read),
            ("write", self.manifest.permissions.write),
        ):
            for wanted in bucket_rights(names):
                self._storage.grant(right, wanted, role)

    def watch(self, *compute: Watch) -> None:
        """Alarms of every agent, and of what computes this one; quiet while the dispatcher is away."""
        stage, manifest = self.platform.stage.name, self.manifest
        lanes = [queue.queue_name for queue in self.queue.lanes.values()]
        watches = [
            dead_letters(self.queue.dead_letters.queue_name, says="has dead letters."),
            backlog(lanes, timeout=manifest.timeout),
            stuck_jobs(manifest, stage=stage),
            failure_rate(manifest, stage=stage),
            letters_refused(manifest, stage=stage),
        ]
        if self._undelivered is not None:
            says = "has events of S3 that did not reach its queue."
            undelivered = self._undelivered.queue_name
            watches.append(dead_letters(undelivered, name="undelivered-events", says=says))
        Watched(
            self,
            "Alarms",
            owner=self.owner,
            watches=[*watches, *compute],
            alerts=self._alerts,
            quiet_while=page_of(stage, "dispatcher"),
        )

    def show(self, log_group: logs.ILogGroup) -> None:
        """What people look at: dashboard and saved queries, over the log that its compute writes."""
        AgentView(
            self,
            "View",
            stage=self.platform.stage,
            manifest=self.manifest,
            log_group=log_group,
        )

    def _queue_urls(self) -> dict[str, str]:
        return {lane: queue.queue_url for lane, queue in self.queue.lanes.items()}
