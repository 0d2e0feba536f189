"""Makes a listener's service as large as its demand, from zero and back."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from muster.contracts import METRICS_NAMESPACE, MetricName
from stacks.scaling import LEAST_WANTED, Scaling

RUNBOOK = "docs/runbooks/listener.md"

_IGNORE = cloudwatch.TreatMissingData.IGNORE


class BacklogScaling(Construct):
    """Two step policies that set exact numbers of tasks.

    Where the dispatcher's metrics are missing, the number of tasks stays what it is.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        scaling: Scaling,
        cluster_name: str,
        service: ecs.CfnService,
        dimensions: dict[str, str],
        owner: str,
    ) -> None:
        super().__init__(scope, id_)
        self._scaling = scaling
        self._dimensions = dimensions
        # (The CDK's own target would bring a role where AWS has a service-linked one.)
        self._target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{cluster_name}/{service.attr_name}",
            min_capacity=0,
            max_capacity=scaling.most_tasks,
        )
        self._owner = owner
        self._follow()
        self._rest()

    def _follow(self) -> None:
        """While there is demand: as many tasks as it wants. From zero, this is the step to the first."""
        action = self._action("Follow")
        for step in self._scaling.steps:
            action.add_adjustment(
                adjustment=step.capacity, lower_bound=step.above, upper_bound=step.below
            )
        self._alarm(
            "Demand",
            action,
            seconds=self._scaling.hold_seconds,
            comparison=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            description="has work: its service follows. Nothing is wrong.",
        )

    def _rest(self) -> None:
        """Without any demand for long enough, running jobs included: no task."""
        action = self._action("Rest")
        action.add_adjustment(adjustment=0, upper_bound=0)
        self._alarm(
            "Idle",
            action,
            seconds=self._scaling.idle_seconds,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            description="has nothing to do: its service rests at zero tasks. Nothing is wrong.",
        )

    def _action(self, id_: str) -> autoscaling.StepScalingAction:
        return autoscaling.StepScalingAction(
            self,
            id_,
            scaling_target=self._target,
            adjustment_type=autoscaling.AdjustmentType.EXACT_CAPACITY,
            # Exact numbers need no pause between them: the same one again changes nothing.
            cooldown=Duration.seconds(0),
            metric_aggregation_type=autoscaling.MetricAggregationType.MAXIMUM,
        )

    def _alarm(
        self,
        id_: str,
        action: autoscaling.StepScalingAction,
        *,
        seconds: int,
        comparison: cloudwatch.ComparisonOperator,
        description: str,
    ) -> None:
        period = Duration.seconds(seconds)
        # One period that slides: the highest demand of its last seconds.
        wanted = cloudwatch.MathExpression(
            expression=f"CEIL(demand / {self._scaling.jobs_per_task})",
            using_metrics={"demand": self._metric(MetricName.DEMAND, period)},
            period=period,
            label="Tasks wanted",
        )
        alarm = cloudwatch.Alarm(
            self,
            id_,
            alarm_description=f"{self._owner} {description} Runbook: {RUNBOOK}",
            metric=wanted,
            threshold=LEAST_WANTED,
            evaluation_periods=1,
            comparison_operator=comparison,
            treat_missing_data=_IGNORE,
        )
        alarm.add_alarm_action(actions.ApplicationScalingAction(action))

    def _metric(self, name: str, period: Duration) -> cloudwatch.Metric:
        # Two ticks in one period are two measurements of one thing: never their sum.
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map=self._dimensions,
            statistic="Maximum",
            period=period,
        )
