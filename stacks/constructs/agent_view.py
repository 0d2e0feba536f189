"""What people look at of one agent: its dashboard and its saved queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from muster.contracts import METRICS_NAMESPACE, MetricName, metric_dimensions
from muster.manifest import Manifest
from stacks.config import Stage
from stacks.log_queries import COLD_STARTS, ERRORS_BY_KIND, QUERIES

#: A third of a row.
_WIDTH, _HEIGHT = 8, 6

#: Title of a graph, and its lines: metric and statistic.
_GRAPHS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("How many run", ((MetricName.RUNNING, "Maximum"), (MetricName.BACKLOG, "Maximum"))),
    (
        "Do they succeed",
        (
            (MetricName.COMPLETED, "Sum"),
            (MetricName.FAILED, "Sum"),
            (MetricName.CANCELLED, "Sum"),
            (MetricName.RETRIED, "Sum"),
        ),
    ),
    (
        "From ingestion to completion (ms)",
        ((MetricName.LATENCY, "p50"), (MetricName.LATENCY, "p95"), (MetricName.LATENCY, "p99")),
    ),
    (
        "In the agent's own code (ms)",
        ((MetricName.DURATION, "p50"), (MetricName.DURATION, "p99")),
    ),
    (
        "Dead letters",
        ((MetricName.DEAD_LETTERS, "Sum"), (MetricName.LETTERS_REFUSED, "Sum")),
    ),
    ("Oldest unfinished (s)", ((MetricName.OLDEST_UNFINISHED, "Maximum"),)),
)
#: Of agents with a service, beside how many run.
_SERVICE = ((MetricName.DEMAND, "Maximum"), (MetricName.LISTENERS, "Maximum"))


class AgentView(Construct):
    """Dashboard, where the stage wants one for each agent, and saved queries over the agent's log.

    Plain CloudFormation resources: the CDK's own widgets take dozens of calls, which 200 agents feel at
    every synth.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        manifest: Manifest,
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id_)
        on_lambda = manifest.compute == "lambda"
        for name, text in {**QUERIES, **(COLD_STARTS if on_lambda else {})}.items():
            logs.CfnQueryDefinition(
                self,
                name,
                # Slashes are folders in the console.
                name=f"muster/{stage.name}/{manifest.id}/{name}",
                query_string=text,
                log_group_names=[log_group.log_group_name],
            )
        if stage.agent_dashboards:
            body = _body(stage=stage, manifest=manifest, log_group=log_group.log_group_name)
            cloudwatch.CfnDashboard(
                self, "Dashboard", dashboard_body=Stack.of(self).to_json_string(body)
            )


def _body(*, stage: Stage, manifest: Manifest, log_group: str) -> Mapping[str, Any]:
    graphs = [_graph(stage, manifest, title, lines) for title, lines in _GRAPHS]
    if manifest.compute == "fargate":
        graphs.append(_graph(stage, manifest, "Tasks and their work", _SERVICE))
    errors = {
        "type": "log",
        "width": 3 * _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": "Which errors",
            "view": "table",
            "region": Aws.REGION,
            "query": f"SOURCE '{log_group}' | {ERRORS_BY_KIND}",
        },
    }
    return {"start": "-PT3H", "widgets": [*graphs, errors]}


def _graph(
    stage: Stage, manifest: Manifest, title: str, lines: Sequence[tuple[str, str]]
) -> Mapping[str, Any]:
    own = metric_dimensions(stage=stage.name, agent=manifest.id)
    dimensions = [part for dimension in own.items() for part in dimension]
    metrics = [
        [METRICS_NAMESPACE, name, *dimensions, {"stat": statistic, "label": f"{name} {statistic}"}]
        for name, statistic in lines
    ]
    return {
        "type": "metric",
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": title,
            "view": "timeSeries",
            "region": Aws.REGION,
            "period": 60,
            "metrics": metrics,
            "yAxis": {"left": {"min": 0, "showUnits": False}},
        },
    }
