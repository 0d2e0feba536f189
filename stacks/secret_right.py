"""The right to read one secret, and nothing else of it."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

#: What Secrets Manager appends to a name: six characters that only it knows.
_APPENDED = "-??????"


def let_read(
    scope: Construct, reader: iam.IGrantable, secret: secretsmanager.ISecret | str
) -> None:
    """Let `reader` get the value of a secret, known by its name where it is not ours.

    The CDK's own grant lets describe it as well, which nothing here does.
    """
    iam.Grant.add_to_principal(
        grantee=reader,
        actions=["secretsmanager:GetSecretValue"],
        resource_arns=[_arn(scope, secret)],
    )


def _arn(scope: Construct, secret: secretsmanager.ISecret | str) -> str:
    if not isinstance(secret, str):
        return secret.secret_arn
    return Stack.of(scope).format_arn(
        service="secretsmanager",
        resource="secret",
        resource_name=f"{secret}{_APPENDED}",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
