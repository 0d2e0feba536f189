"""The dispatcher: a function that ticks once a minute."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from datetime import timedelta

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from muster.contracts import DispatcherEnvironment
from muster.database_roles import DatabaseRole
from stacks.acknowledgement import acknowledge, acknowledge_wildcard
from stacks.alerts import Alerts, page_of
from stacks.constructs.agent_queue import dead_letter_queue
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.watched import Watched
from stacks.database_settings import InstanceDatabase
from stacks.packaging import dependency_layer
from stacks.platform import Platform
from stacks.watch import Urgency
from stacks.watches import function as functions
from stacks.watches.dispatcher import dispatcher as of_dispatcher
from stacks.watches.queue import dead_letters

HANDLER = "lambdas.scheduler.handler.handler"

#: Below the minute between two ticks, so that a tick has ended when the next begins.
TIMEOUT = Duration.seconds(55)


class DispatcherStack(Stack):
    """Function, schedule, and the queue of ticks that could not be delivered."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        platform: Platform,
        alerts: Alerts,
        task_events: sqs.IQueue,
    ) -> None:
        stage = platform.stage
        super().__init__(scope, id_, description=f"Muster {stage.name}: dispatcher")
        database = platform.access(DatabaseRole.DISPATCHER)
        dispatcher = PythonFunction(
            self,
            "Dispatcher",
            platform=platform,
            database=database,
            handler=HANDLER,
            description="Relays, rescues and sweeps, once a minute",
            environment=DispatcherEnvironment(
                stage=stage.name,
                database_secret=database.secret_id(),
                database_tls=stage.database_tls,
                code_version=platform.code_version,
                task_events_queue_url=task_events.queue_url,
                fleet=stage.fleet.to_json(),
                keep_days=str(stage.keep_days),
                event_hints="yes" if stage.event_hints else "no",
                intake_limit=stage.intake.to_json(stage.architecture) if stage.intake else "",
                allow_external_requests="yes" if stage.outbound.external else "no",
                outbound=stage.outbound.exceptions(),
            ),
            layers=[dependency_layer(self, stage)],
            timeout=TIMEOUT,
            memory_mib=256,
            # It asks agents' endpoints whether they are well, as far as anybody may be called at all.
            egress=stage.outbound.egress,
        )
        self.role = dispatcher.role
        task_events.grant(self.role, "sqs:ReceiveMessage", "sqs:DeleteMessage")
        missed = dead_letter_queue(self, "MissedTicks", removal_policy=RemovalPolicy.DESTROY)
        acknowledge(missed, SQS3="It is a dead-letter queue itself; an alarm watches it.")
        scheduler.Schedule(
            self,
            "Tick",
            description="One tick of the dispatcher a minute",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
            target=targets.LambdaInvoke(
                dispatcher.function,
                dead_letter_queue=missed,
                role=self._scheduler_role(dispatcher),
                # The next tick does what a late one would.
                retry_attempts=0,
                max_event_age=Duration.minutes(1),
            ),
        )
        name = dispatcher.function.function_name
        Watched(
            self,
            "Alarms",
            owner=f"The dispatcher ({stage.name})",
            watches=(
                *of_dispatcher(stage=stage.name),
                dead_letters(missed.queue_name, says="has ticks that were not delivered."),
                functions.errors(name, urgency=Urgency.TICKET),
                functions.throttles(name),
                functions.duration(name, timeout=timedelta(seconds=TIMEOUT.to_seconds())),
                functions.account_concurrency(stage.lambda_concurrency),
            ),
            alerts=alerts,
            # Without its database it cannot tick.
            quiet_while=page_of(stage.name, "database")
            if isinstance(stage.database, InstanceDatabase)
            else None,
            name=page_of(stage.name, "dispatcher"),
        )

    def _scheduler_role(self, dispatcher: PythonFunction) -> iam.Role:
        """What EventBridge Scheduler acts as; only for schedules of this account's default group."""
        role = iam.Role(
            self,
            "SchedulerRole",
            description="Lets the schedule invoke the dispatcher",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Aws.ACCOUNT_ID,
                        "aws:SourceArn": f"arn:{Aws.PARTITION}:scheduler:{Aws.REGION}:{Aws.ACCOUNT_ID}"
                        ":schedule-group/default",
                    }
                },
            ),
        )
        acknowledge_wildcard(
            role,
            f"{dispatcher.function.function_arn}:*",
            "The schedule's target may be any version of the one function it ticks.",
        )
        return role
