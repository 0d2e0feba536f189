"""Alarms of one component, and the two through which they speak: one page and one ticket a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.alerts import Alerts
from stacks.watch import Series, Urgency, Watch

_PERCENTILE = "p"

#: Seconds for which a composite waits for its suppressor, and stays quiet after it: a cause is seen a few
#: minutes after its effects at times.
_SUPPRESSOR_SECONDS = 300


class Watched(Construct):
    """An alarm for each watch; those of one urgency are the children of one composite alarm.

    Only the composites notify, so that whoever is on call hears once of a fault, however many alarms see it.

    Args:
        owner: begins every description.
        watches: what is watched.
        alerts: where the composites go.
        quiet_while: name of an alarm whose fault explains these: nobody is told of them meanwhile.
        name: names the page's alarm, for others to refer to; generated where nobody does.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        owner: str,
        watches: Sequence[Watch],
        alerts: Alerts,
        quiet_while: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id_)
        alarms = {watch.name: self._alarm(watch, owner) for watch in watches}
        for urgency, topic in alerts.topics.items():
            members = [watch for watch in watches if watch.urgency is urgency]
            if not members:
                continue
            runbooks = ", ".join(sorted({watch.page for watch in members}))
            cloudwatch.CfnCompositeAlarm(
                self,
                urgency.capitalize(),
                alarm_name=name if urgency is Urgency.PAGE else None,
                alarm_description=f"{owner}: a {urgency}. The children say of what. Runbook: {runbooks}",
                alarm_rule=Fn.join(
                    " OR ",
                    [Fn.join("", ['ALARM("', alarms[watch.name].ref, '")']) for watch in members],
                ),
                alarm_actions=[topic.topic_arn],
                ok_actions=[topic.topic_arn],
                **_quiet(quiet_while),
            )

    def _alarm(self, watch: Watch, owner: str) -> cloudwatch.CfnAlarm:
        return cloudwatch.CfnAlarm(
            self,
            watch.name,
            alarm_description=f"{owner} {watch.says} Runbook: {watch.page}",
            comparison_operator="LessThanThreshold"
            if watch.at_least is None
            else "GreaterThanOrEqualToThreshold",
            threshold=watch.threshold,
            evaluation_periods=watch.periods,
            treat_missing_data=watch.missing,
            **(_math(watch) if watch.expression else _plain(*watch.series.values())),
        )


def _quiet(suppressor: str | None) -> Mapping[str, Any]:
    if suppressor is None:
        return {}
    return {
        "actions_suppressor": suppressor,
        "actions_suppressor_wait_period": _SUPPRESSOR_SECONDS,
        "actions_suppressor_extension_period": _SUPPRESSOR_SECONDS,
    }


def _plain(series: Series) -> Mapping[str, Any]:
    percentile = series.statistic.startswith(_PERCENTILE)
    return {
        "namespace": series.namespace,
        "metric_name": series.name,
        "dimensions": [
            cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
            for name, value in series.dimensions.items()
        ],
        "extended_statistic" if percentile else "statistic": series.statistic,
        "period": 60 * series.minutes,
    }


def _math(watch: Watch) -> Mapping[str, Any]:
    alarm = cloudwatch.CfnAlarm
    queries = [
        alarm.MetricDataQueryProperty(
            id=id_,
            return_data=False,
            metric_stat=alarm.MetricStatProperty(
                metric=alarm.MetricProperty(
                    namespace=series.namespace,
                    metric_name=series.name,
                    dimensions=[
                        alarm.DimensionProperty(name=name, value=value)
                        for name, value in series.dimensions.items()
                    ],
                ),
                period=60 * series.minutes,
                stat=series.statistic,
            ),
        )
        for id_, series in watch.series.items()
    ]
    wanted = alarm.MetricDataQueryProperty(
        id="watched", expression=watch.expression, label=watch.name, return_data=True
    )
    return {"metrics": [wanted, *queries]}
