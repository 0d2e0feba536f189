"""The secrets of the logins by which a stage's components get into its database, and who fills them in."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from muster.database_roles import DatabaseRole
from stacks.acknowledgement import OWN_KEYS, acknowledge
from stacks.secret_right import let_read

_LENGTH = 44


class LoginSecrets(Construct):
    """One secret for each role. Migration makes the login, and adds where the database is.

    They have names, since the stacks of components know no more of them: an export could not be replaced
    while a component uses it.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: str, keeper: iam.Role) -> None:
        super().__init__(scope, id_)
        self._secrets = {role: self._secret(role, stage, keeper) for role in DatabaseRole}

    def arns(self) -> Mapping[str, str]:
        """By role; the ARN of a secret that was made anew is another one."""
        return {role.value: secret.secret_arn for role, secret in self._secrets.items()}

    def _secret(self, role: DatabaseRole, stage: str, keeper: iam.Role) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            role.capitalize(),
            secret_name=role.secret_name(stage),
            description=f"Muster {stage}: login of the database for the role {role}",
            # Another text here makes another password.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": role.login(stage)}),
                generate_string_key="password",
                password_length=_LENGTH,
                exclude_punctuation=True,
            ),
        )
        let_read(self, keeper, secret)
        keeper.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:PutSecretValue"], resources=[secret.secret_arn]
            )
        )
        acknowledge(
            secret,
            SMG4="Its login owns nothing; `muster logins --renew` replaces it without a stop.",
            CKV_AWS_149=OWN_KEYS,
        )
        return secret
