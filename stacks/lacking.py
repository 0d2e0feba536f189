"""What a stage's platform lacks is taken out of the templates here, and nowhere else."""

from __future__ import annotations

from functools import cache

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
            own = construct.node
            scope = own.scope
            if scope is not None:
                scope.node.try_remove_child(own.id)


def _kind(resource: CfnResource) -> str:
    """What `Stage.lacks` calls it; each question to the CDK takes time, so its class answers where it can."""
    if isinstance(resource, cloudwatch.CfnAlarm) and resource.metric_name is None:
        return METRIC_MATH
    return _type_of(type(resource)) or resource.cfn_resource_type


@cache
def _type_of(resource: type[CfnResource]) -> str | None:
    return getattr(resource, "CFN_RESOURCE_TYPE_NAME", None)
