"""What GitHub's workflows may do in the account: deploy a stage from one environment, compare from another.

Neither role has a long-lived credential. GitHub signs a token for one job, AWS compares its `sub` to the
letter, and the role may then do what the CDK's bootstrap roles let it, and nothing else.
"""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from muster.contracts import OutputKey
from stacks.acknowledgement import acknowledge_wildcard
from stacks.config import Stage
from stacks.repository import Repository

#: Who signs the tokens of workflows, without its scheme.
_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"

#: The qualifier of a bootstrap that nobody gave another one.
_QUALIFIER = "hnb659fds"

#: Bootstrap roles as which the CDK deploys, and those as which it only looks and leaves templates.
_DEPLOYING = ("deploy", "file-publishing", "image-publishing", "lookup")
_COMPARING = ("file-publishing", "lookup")

#: A deploy of everything takes less; a token that leaks is soon worth nothing.
_SESSION = Duration.hours(1)


def diff_environment(stage_name: str) -> str:
    """GitHub's environment of jobs that compare; those that deploy run in one named as the stage."""
    return f"{stage_name}-diff"


class PipelineStack(Stack):
    """The roles of GitHub's workflows, and the provider that vouches for them."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, repository: Repository) -> None:
        super().__init__(scope, id_, description=f"Muster {stage.name}: roles of its workflows")
        provider = self._provider(repository)
        deploy = self._role("Deploy", provider, repository, stage.name)
        deploy.add_to_policy(_assume(_DEPLOYING))
        diff = self._role("Diff", provider, repository, diff_environment(stage.name))
        diff.add_to_policy(_assume(_COMPARING))
        self._let_compare(diff, stage)
        CfnOutput(self, OutputKey.DEPLOY_ROLE, value=deploy.role_arn)
        CfnOutput(self, OutputKey.DIFF_ROLE, value=diff.role_arn)

    def _provider(self, repository: Repository) -> str:
        if repository.provider_exists:
            return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:oidc-provider/{_ISSUER}"
        made = iam.CfnOIDCProvider(
            self, "GitHub", url=f"https://{_ISSUER}", client_id_list=[_AUDIENCE]
        )
        return made.attr_arn

    def _role(self, id_: str, provider: str, repository: Repository, environment: str) -> iam.Role:
        return iam.Role(
            self,
            id_,
            description=f"Jobs of {repository.owner}/{repository.name} in environment {environment}",
            max_session_duration=_SESSION,
            assumed_by=iam.WebIdentityPrincipal(
                provider,
                {
                    "StringEquals": {
                        f"{_ISSUER}:aud": _AUDIENCE,
                        f"{_ISSUER}:sub": repository.subjects(environment),
                    }
                },
            ),
        )

    def _let_compare(self, role: iam.Role, stage: Stage) -> None:
        """Change sets show what a deploy would replace; without ExecuteChangeSet they stay words."""
        stacks = (
            f"arn:{Aws.PARTITION}:cloudformation:{Aws.REGION}:{Aws.ACCOUNT_ID}"
            f":stack/muster-{stage.name}-*/*"
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "cloudformation:CreateChangeSet",
                    "cloudformation:DeleteChangeSet",
                    "cloudformation:DescribeChangeSet",
                    "cloudformation:DescribeStacks",
                    "cloudformation:GetTemplate",
                ],
                resources=[stacks],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[_bootstrap_role("cfn-exec")],
                conditions={
                    "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
                },
            )
        )
        acknowledge_wildcard(
            role.node.find_child("DefaultPolicy"),
            stacks,
            "The stacks of this stage alone; the end of a stack's ARN is made when it is created.",
        )


def _assume(kinds: tuple[str, ...]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["sts:AssumeRole"], resources=[_bootstrap_role(kind) for kind in kinds]
    )


def _bootstrap_role(kind: str) -> str:
    name = f"cdk-{_QUALIFIER}-{kind}-role-{Aws.ACCOUNT_ID}-{Aws.REGION}"
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"
