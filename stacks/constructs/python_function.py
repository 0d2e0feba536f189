"""A Lambda function with Muster's code: the one way in which this app makes one."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from muster.contracts import DatabaseEnvironment
from stacks.acknowledgement import OWN_KEYS, acknowledge, acknowledge_finding
from stacks.database import DatabaseAccess
from stacks.packaging import RUNTIME, architecture, runtime_code
from stacks.platform import Platform
from stacks.retention import log_group

#: Why a rule on log groups is wrong about a function.
NAMED_LOGS = (
    "Its log group is named in LoggingConfig, where the rule does not look, and has a retention."
)

#: AWS's policy for functions in a VPC: network interfaces only. The usual one also writes any log group.
_ENI_POLICY = "service-role/AWSLambdaENIManagementAccess"


class PythonFunction(Construct):
    """Function, role and log group; the function reaches the database.

    Grants, environment and placement come with it, so that no caller can set one and forget the other.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        platform: Platform,
        database: DatabaseAccess,
        handler: str,
        description: str,
        environment: DatabaseEnvironment,
        layers: Sequence[lambda_.ILayerVersion],
        timeout: Duration,
        memory_mib: int,
        egress: str = "none",
        ephemeral_storage_mib: int = 512,
        variables: Mapping[str, str] | None = None,
        concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.logs = log_group(self, "Logs", platform.stage)
        placement = platform.placement(egress)
        self.role = iam.Role(
            self,
            "Role",
            description=description,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self.logs.grant_write(self.role)
        if placement is not None:
            self._let_join_vpc()
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=architecture(platform.stage),
            code=runtime_code(platform.stage),
            handler=handler,
            layers=list(layers),
            role=self.role,
            timeout=timeout,
            reserved_concurrent_executions=concurrency,
            memory_size=memory_mib,
            ephemeral_storage_size=Size.mebibytes(ephemeral_storage_mib),
            environment={**(variables or {}), **environment.to_environment()},
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            vpc=placement.vpc if placement else None,
            vpc_subnets=placement.subnets if placement else None,
            security_groups=[placement.security_group] if placement else None,
        )
        database.grant(self, self.role)
        self._acknowledge()
        if concurrency is None:
            acknowledge(
                self.function,
                CKV_AWS_115="What invokes it bounds it: event sources, or a schedule of one a minute.",
            )
        if placement is None:
            acknowledge(
                self.function, CKV_AWS_117="This stage has no VPC: nothing in it is private."
            )

    def _acknowledge(self) -> None:
        tracing = "The ledger records every attempt; X-Ray's SDK is in maintenance and is not used."
        letters = "Nobody invokes it asynchronously without a dead-letter queue at the caller."
        acknowledge(
            self.function,
            LambdaTracing=tracing,
            WS1000=tracing,
            LambdaDLQ=letters,
            CKV_AWS_116=letters,
            CKV_AWS_173=OWN_KEYS,
            WS1004=NAMED_LOGS,
        )

    def _let_join_vpc(self) -> None:
        self.role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(_ENI_POLICY))
        acknowledge_finding(
            self.role,
            f"AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_ENI_POLICY}]",
            "Lambda needs these actions to place a function in a VPC; AWS keeps the list current.",
        )
