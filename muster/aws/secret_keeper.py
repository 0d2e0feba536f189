"""Secrets Manager as operators write it: a secret that is made, and one that is replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from muster.aws.client import make_client
from muster.aws.failure import error_code, service_errors, translate
from muster.aws.secrets import READ_TIMEOUT
from muster.ports import SecretMissing, SecretsUnavailable


class SecretKeeper:
    """By boto3; the client is made on first use.

    Args:
        client: use this boto3 client; None makes one with bounded waits.
    """

    def __init__(self, *, client: Any = None) -> None:
        self._given = client

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("secretsmanager", read_timeout=READ_TIMEOUT)

    def create(self, name: str, value: Mapping[str, Any], *, description: str) -> bool:
        """Make a secret; false, and nothing done, when there is one of that name.

        Raises:
            SecretsUnavailable: no answer, or refused for now.
            ConfigurationError: forbidden.
        """
        try:
            self._client.create_secret(
                Name=name, SecretString=json.dumps(value), Description=description
            )
        except service_errors() as exc:
            if error_code(exc) == "ResourceExistsException":
                return False
            raise _translated(exc, "secretsmanager:CreateSecret", name) from exc
        return True

    def replace(self, name: str, value: Mapping[str, Any]) -> None:
        """Give a secret another value.

        Raises:
            SecretMissing: there is none of that name.
            SecretsUnavailable: no answer, or refused for now.
            ConfigurationError: forbidden.
        """
        try:
            self._client.put_secret_value(SecretId=name, SecretString=json.dumps(value))
        except service_errors() as exc:
            if error_code(exc) == "ResourceNotFoundException":
                raise SecretMissing(f"Secret {name} does not exist.") from exc
            raise _translated(exc, "secretsmanager:PutSecretValue", name) from exc


def _translated(exc: Exception, action: str, name: str) -> Exception:
    return translate(exc, action=action, resource=f"secret {name}", unavailable=SecretsUnavailable)
