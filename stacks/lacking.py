"""What a stage's platform lacks is taken out of the templates here, and nowhere else."""

from __future__ import annotations

from aws_cdk import App, CfnResource
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.config import Stage
from stacks.emulator import METRIC_MATH


def take_out(app: App, stage: Stage) -> None:
    """Remove resources of the types in `stage.lacks`. Nothing may refer to them that stays."""
    if not stage.lacks:
        return
    for construct in app.node.find_all():
        if isinstance(construct, CfnResource) and _kind(construct) in stage.lacks:
            scope = construct.node.scope
            if scope is not None:
                scope.node.try_remove_child(construct.node.id)


def _kind(resource: CfnResource) -> str:
    if isinstance(resource, cloudwatch.CfnAlarm) and resource.metrics is not None:
        return METRIC_MATH
    return resource.cfn_resource_type
