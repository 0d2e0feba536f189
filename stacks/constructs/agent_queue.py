"""An agent's queues: one per lane, and the dead-letter queue they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledgement import OWN_KEYS, acknowledge

#: A dead letter outlives its source's messages by far: SQS counts its age from the first send.
DEAD_LETTER_DAYS = 14
LANE_DAYS = 4


class AgentQueue(Construct):
    """Lane queues and dead-letter queue; they outlive their agent, until somebody drains them."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        lanes: Sequence[str],
        visibility_timeout: Duration,
        max_receive_count: int,
    ) -> None:
        super().__init__(scope, id_)
        self.dead_letters = dead_letter_queue(
            self, "DeadLetters", removal_policy=RemovalPolicy.RETAIN
        )
        self.lanes: Mapping[str, sqs.Queue] = {
            lane: sqs.Queue(
                self,
                lane.capitalize(),
                encryption=sqs.QueueEncryption.SQS_MANAGED,
                enforce_ssl=True,
                retention_period=Duration.days(LANE_DAYS),
                visibility_timeout=visibility_timeout,
                removal_policy=RemovalPolicy.RETAIN,
                dead_letter_queue=sqs.DeadLetterQueue(
                    queue=self.dead_letters, max_receive_count=max_receive_count
                ),
            )
            for lane in lanes
        }
        for queue in self.lanes.values():
            acknowledge(queue, CKV_AWS_27=OWN_KEYS)

    @property
    def normal(self) -> sqs.Queue:
        """The lane that every agent has."""
        return self.lanes["normal"]

    def grant_send(self, sender: iam.IGrantable) -> None:
        """Let somebody put jobs on the lanes, and do nothing else."""
        for queue in self.lanes.values():
            queue.grant(sender, "sqs:SendMessage")

    def grant_work(self, worker: iam.IGrantable) -> None:
        """Let somebody take jobs, keep them or hand them back, and bury them."""
        for queue in self.lanes.values():
            queue.grant(
                worker, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"
            )
        self.dead_letters.grant(worker, "sqs:SendMessage")

    def grant_redrive(self, redriver: iam.IGrantable) -> None:
        """Let somebody look at dead letters and take them out; `grant_send` lets them go back."""
        self.dead_letters.grant(
            redriver,
            "sqs:ReceiveMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        )

    def grant_dispatch(self, dispatcher: iam.IGrantable) -> None:
        """Let the dispatcher send again, dead-letter, and count the backlog."""
        for queue in self.lanes.values():
            queue.grant(dispatcher, "sqs:SendMessage", "sqs:GetQueueAttributes")
        self.dead_letters.grant(dispatcher, "sqs:SendMessage")


def dead_letter_queue(scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> sqs.Queue:
    """A queue that others put dead letters on: the end of the line."""
    queue = sqs.Queue(
        scope,
        id_,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(DEAD_LETTER_DAYS),
        removal_policy=removal_policy,
    )
    itself = "It is a dead-letter queue itself; an alarm watches it."
    acknowledge(queue, SQSRedrivePolicy=itself, ES6000=itself, CKV_AWS_27=OWN_KEYS)
    return queue
