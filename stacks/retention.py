"""How long things are kept: log groups, and what holds data."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledgement import OWN_KEYS, acknowledge
from stacks.config import Stage


def log_group(
    scope: Construct, id_: str, stage: Stage, *, name: str | None = None
) -> logs.LogGroup:
    """A log group that forgets after the stage's `log_retention_days` and goes with its stack."""
    group = logs.LogGroup(
        scope,
        id_,
        log_group_name=name,
        retention=_retention(stage.log_retention_days),
        removal_policy=RemovalPolicy.DESTROY,
    )
    acknowledge(group, CKV_AWS_158=OWN_KEYS)
    return group


def data_policy(stage: Stage) -> RemovalPolicy:
    """What becomes of a resource with data when it leaves its stack."""
    return RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY


def _retention(days: int) -> logs.RetentionDays:
    named = {
        1: logs.RetentionDays.ONE_DAY,
        7: logs.RetentionDays.ONE_WEEK,
        14: logs.RetentionDays.TWO_WEEKS,
        30: logs.RetentionDays.ONE_MONTH,
        90: logs.RetentionDays.THREE_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
    }
    return named[days]
