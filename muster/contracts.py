"""Names that infrastructure and runtime must agree on, as typed values. Standard library only.

The stacks write an environment with `to_environment()`, the runtime reads the same class back with
`from_environ()`: a variable is named in this file and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from muster.errors import ConfigurationError

#: CloudWatch namespace of every metric that Muster emits.
METRICS_NAMESPACE = "Muster"

#: Version that marks a message body as an envelope: `{"muster": 1, ...}`.
ENVELOPE_VERSION = 1

#: Largest result, in bytes of JSON, that is kept in the row; larger ones go to the results bucket.
INLINE_RESULT_BYTES = 256 * 1024

#: Largest params, in bytes of JSON, that travel in a message; larger ones stay in the row.
INLINE_PARAMS_BYTES = 200 * 1024

#: `yes` lets agents call strangers; the name that its forerunners gave it.
ALLOW_EXTERNAL_REQUESTS = "ALLOW_EXTERNAL_REQUESTS"

#: Database connections that one container of `ecs_listener/` may hold at once.
LISTENER_CONNECTIONS = 4

#: Name of the container in the task definition of a listener.
LISTENER_CONTAINER = "Listener"

#: Days for which a job id is known: longer than a message can be in a lane and then in a dead-letter queue.
JOB_KEY_DAYS = 32

#: Days for which executions and their events are kept unless the stage says otherwise, and the fewest.
KEEP_DAYS = 90
LEAST_KEEP_DAYS = 45
#: Keys of archived dead letters begin so, in the bucket of results.
ARCHIVE_PREFIX = "dead-letters/"

#: Where results that no row holds are in the bucket of results, below it by agent.
RESULT_PREFIX = "results/"

#: Redeliveries that wedge an envelope between agents end here.
MAX_HOPS = 16


#: Folder of an agent with the migrations of its own tables, `NNNN_name.sql`.
MIGRATIONS_FOLDER = "migrations"

#: Folder of an agent with the statements on them, any names that end in `.sql`.
STATEMENTS_FOLDER = "sql"


def schema_of_agent(agent_id: str) -> str:
    """The schema of an agent's own tables, such as `agent_feed_collector`."""
    return f"agent_{agent_id.replace('-', '_')}"


def hook_secrets_prefix(stage: str) -> str:
    """What the names in Secrets Manager of a stage's secrets of webhooks begin with."""
    return f"muster/{stage}/hooks/"


def hook_secret_name(*, stage: str, agent_id: str, name: str) -> str:
    """Name in Secrets Manager of the secret that a webhook shares with its sender."""
    return f"{hook_secrets_prefix(stage)}{agent_id}/{name}"


#: Value of the dimension `agent` of what concerns no single agent: the dispatcher's own metrics.
DISPATCHER = "dispatcher"


def metric_dimensions(*, stage: str, agent: str, lane: str | None = None) -> dict[str, str]:
    """Dimensions of a metric of Muster: what the runtime emits, and what an alarm looks at."""
    own = {"stage": stage, "agent": agent}
    return own if lane is None else {**own, "lane": lane}


class MetricName:
    """Metric names; `metric_dimensions` says their dimensions. Alarms refer to them by these names, too."""

    COMPLETED = "ExecutionsCompleted"
    FAILED = "ExecutionsFailed"
    RETRIED = "ExecutionsRetried"
    CANCELLED = "ExecutionsCancelled"
    DUPLICATES = "Duplicates"
    DEAD_LETTERS = "DeadLetters"
    #: Dead letters that their queue did not take: it is gone, forbidden, or away. They are tried each minute.
    LETTERS_REFUSED = "DeadLettersRefused"
    REFUSED = "Refused"  # messages that came back because no slot was free
    FENCED = "FencedWrites"
    DURATION = "Duration"  # milliseconds of the agent's own code
    LATENCY = "Latency"  # milliseconds from the message's arrival to the settled record
    FIRED = "Fired"  # planned times of schedules for which an execution was recorded
    MISSED = "Missed"  # planned times of schedules that passed without a tick and were not made up
    RELAYED = "Relayed"
    RESCUED = "Rescued"
    BACKLOG = "Backlog"  # messages visible, over all lanes of the agent
    LANE_BACKLOG = (
        "LaneBacklog"  # messages visible in one of several lanes; dimension `lane` besides
    )
    RUNNING = "Running"  # executions running
    #: Of agents with a service only: jobs that wait, come within minutes, or run. It scales on this.
    DEMAND = "Demand"
    TICK = "DispatcherTick"
    RECEIVE_FAILURES = (
        "ReceiveFailures"  # receives of a listener that SQS did not answer, or refused
    )
    LEASES_LOST = "LeasesLost"  # jobs that a listener stopped: it could not prove that it held them
    #: Seconds since the oldest execution that has not ended was asked for; not of an agent without any.
    OLDEST_UNFINISHED = "OldestUnfinished"
    #: Listeners that beat; of agents with a service, while there is demand.
    LISTENERS = "Listeners"
    TASK_START_FAILURES = "TaskStartFailures"  # tasks that ECS could not start
    #: Of the dispatcher: seconds by which the most overdue job, or dead letter, is late to be sent.
    RELAY_LAG = "RelayLag"
    BURIAL_LAG = "BurialLag"
    MISSED_FIRES = "MissedFires"  # of the dispatcher: `Missed` over all agents
    RESCUES = "Rescues"  # of the dispatcher: `Rescued` over all agents


class DeadLetterAttribute:
    """SQS message attributes of a dead letter (String)."""

    #: `<execution id>:<fence>`: names the failure; copies of one failure share it.
    DEAD_LETTER = "muster-dead-letter"
    AGENT = "muster-agent"
    JOB = "muster-job"
    REASON = "muster-reason"
    ERROR_CLASS = "muster-error-class"
    ATTEMPTS = "muster-attempts"
    #: How often the message was sent back to its lane; on what SQS itself moves it stays.
    REDRIVES = "muster-redrives"


class OutputKey:
    """Keys of the stacks' CloudFormation outputs."""

    #: JSON: {agent id: {"queues": {lane: url}, "dlq": url, and "function": name, or "cluster" and "service"}}
    AGENTS = "Agents"
    UPLOADS_BUCKET = "UploadsBucket"
    RESULTS_BUCKET = "ResultsBucket"
    PAGES_TOPIC = "PagesTopic"
    TICKETS_TOPIC = "TicketsTopic"
    API_URL = "ApiUrl"
    DEPLOY_ROLE = "DeployRole"
    DIFF_ROLE = "DiffRole"


class ResourceType:
    """CloudFormation types of the custom resources that `lambdas/register/` answers."""

    MIGRATION = "Custom::MusterMigration"
    REGISTRATION = "Custom::MusterRegistration"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Base of an environment contract. A field `queue_url` is the variable `MUSTER_QUEUE_URL`."""

    @classmethod
    def variable(cls, field: str) -> str:
        name = field.upper()
        return name if name == ALLOW_EXTERNAL_REQUESTS else f"MUSTER_{name}"

    def to_environment(self) -> dict[str, str]:
        """The variables to set on a function or container; values may be CDK tokens."""
        return {self.variable(f.name): str(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the contract back.

        Raises:
            ConfigurationError: names every missing variable at once.
        """
        names = {f.name: cls.variable(f.name) for f in fields(cls)}
        missing = [name for name in names.values() if name not in environ]
        if missing:
            raise ConfigurationError(
                f"{cls.__name__}: missing {', '.join(missing)}. "
                "The stack that deploys this component sets them; redeploy it."
            )
        return cls(**{field: environ[name] for field, name in names.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseEnvironment(Environment):
    """What every component that reaches Postgres is told."""

    stage: str
    #: Name or ARN of the Secrets Manager secret with host, port, dbname, username, password.
    database_secret: str
    #: `verify-full` or `disable`.
    database_tls: str
    #: Digest of the deployed first-party code; written to every execution.
    code_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallingEnvironment(DatabaseEnvironment):
    """What a component is told besides that calls URLs which came from outside."""

    #: `yes` or `no`: whether the stage lets strangers be called, as the registries of addresses let anyone.
    allow_external_requests: str
    #: JSON: {"addresses": [...], "ports": [...]}: what the stage lets be called besides.
    outbound: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentEnvironment(CallingEnvironment):
    """Environment of a function that runs one agent."""

    agent_id: str
    #: Folder of the agent inside the asset, e.g. `lambdas/agents/document-profile`.
    agent_folder: str
    #: JSON: {lane: queue URL}.
    queue_urls: str
    dead_letter_queue_url: str
    results_bucket: str
    #: Folder for temporary files that only this function or task uses; empty where others use it, too.
    own_tmp: str
    #: Slots that the claim counts, so that no more jobs run at once; 0: whoever starts workers sees to that.
    slots: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenerEnvironment(AgentEnvironment):
    """Environment of a container of `ecs_listener/` that runs one agent; its lanes are `queue_urls`."""

    #: Visibility, in seconds, that the listener asks for at receive and at each renewal.
    visibility_seconds: str
    #: Jobs at once in this one task.
    concurrency: str
    #: Jobs at once over all tasks and lanes of the agent: the manifest's `concurrency`.
    agent_concurrency: str
    #: Seconds after SIGTERM until what still runs is handed back; below the task's stop timeout.
    drain_seconds: str
    #: Port of `/health` and `/metrics`, on every address of the task.
    http_port: str
    #: `yes`: hold ECS task scale-in protection while busy; `no` where there is no ECS agent to ask.
    scale_in_protection: str
    #: `boto3` or `fast`: how SQS is spoken to.
    transport: str
    #: JSON of `muster.fleet_settings.FleetSettings`: heartbeats, terms and intervals, in seconds.
    fleet: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LauncherEnvironment(Environment):
    """What a listener with `isolation = "task"` is told besides: where its tasks run."""

    #: `ecs`, or `process` where there is no ECS: then the rest is empty.
    launcher: str
    cluster: str
    #: JSON: ids of the subnets, and of the security groups, of a launched task.
    subnets: str
    security_groups: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatcherEnvironment(CallingEnvironment):
    """Environment of the scheduled function in `lambdas/scheduler/`; it calls agents' endpoints."""

    #: Where ECS's word of tasks that stopped arrives.
    task_events_queue_url: str
    #: JSON of `muster.fleet_settings.FleetSettings`: heartbeats, terms and intervals, in seconds.
    fleet: str
    #: Days for which executions and their events are kept, at least.
    keep_days: str
    #: `yes`: Postgres hints at events by NOTIFY; `no`: who watches looks once a second.
    event_hints: str
    #: JSON of `muster.intake.limit.IntakeLimit`; empty: what is metered is not limited.
    intake_limit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiEnvironment(DatabaseEnvironment):
    """Environment of the HTTP API's function in `lambdas/api/`."""

    #: Calls a second that one API key may make, and how many at once after a rest.
    key_rate: str
    key_burst: str
    #: Name or ARN of the Secrets Manager secret with the key that signs short-lived tokens.
    token_secret: str
    #: Deliveries a second that one webhook takes, and how many at once after a rest.
    hook_rate: str
    hook_burst: str
    #: Dead letters are archived in it, below `ARCHIVE_PREFIX`, before they are deleted.
    results_bucket: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterEnvironment(DatabaseEnvironment):
    """Environment of the custom resource handler in `lambdas/register/`."""
