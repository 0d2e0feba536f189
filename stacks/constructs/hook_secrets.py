"""What the webhooks of manifests share with their senders, and the one role that may read it."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

import string
from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from muster.contracts import hook_secret_name, hook_secrets_prefix
from muster.manifest import Manifest
from stacks.acknowledgement import OWN_KEYS, acknowledge, acknowledge_wildcard

#: Letters and digits, so that they are base64 too: 262 random bits.
_LENGTH = 44


class HookSecrets(Construct):
    """A secret for each webhook, of characters that nobody has seen: `muster webhooks rotate` shows new ones.

    They are in the stack of the API and not in those of agents, so that an agent may move to another stack
    and keep its senders. The role's right names the prefix: it is as long however many webhooks there are,
    and it holds for those that operators make.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: str,
        manifests: Sequence[Manifest],
        reader: iam.Role,
    ) -> None:
        super().__init__(scope, id_)
        for manifest in manifests:
            agent = Construct(self, manifest.id) if manifest.webhooks else None
            for webhook in manifest.webhooks:
                secret = secretsmanager.Secret(
                    agent or self,
                    webhook.name,
                    secret_name=hook_secret_name(
                        stage=stage, agent_id=manifest.id, name=webhook.name
                    ),
                    description="Shared with the sender of a webhook; muster webhooks rotate",
                    # Nothing of it may follow from the manifest: another text here makes another secret.
                    generate_secret_string=secretsmanager.SecretStringGenerator(
                        secret_string_template="{}",  # noqa: S106 - what is filled in is the secret
                        generate_string_key="current",
                        password_length=_LENGTH,
                        exclude_characters=string.punctuation,
                    ),
                )
                acknowledge(
                    secret,
                    SMG4="The sender holds it too: `muster webhooks rotate` replaces it with an overlap.",
                    CKV_AWS_149=OWN_KEYS,
                )
        self._let_read(reader, stage)

    def _let_read(self, reader: iam.Role, stage: str) -> None:
        resource = Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{hook_secrets_prefix(stage)}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        reader.add_to_policy(
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[resource])
        )
        acknowledge_wildcard(
            reader.node.find_child("DefaultPolicy"),
            resource,
            "Below this prefix there are secrets of webhooks only, and the API has to read each of them.",
        )
