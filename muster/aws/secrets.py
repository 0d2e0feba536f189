"""Secrets Manager behind the port `muster.ports.Secrets`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

from muster.aws.client import make_client
from muster.aws.failure import error_code, service_errors, translate
from muster.errors import ConfigurationError
from muster.ports import SecretMissing, SecretsUnavailable

#: Longest silence of Secrets Manager within one try, in seconds.
READ_TIMEOUT = 5

_NOT_FOUND = "ResourceNotFoundException"


class Secrets:
    """Secrets Manager by boto3, each JSON secret read once. The client is made on first use.

    Args:
        client: use this boto3 client; None makes one with bounded waits.
    """

    def __init__(self, *, client: Any = None) -> None:
        self._given = client
        self._cache: dict[str, Mapping[str, Any]] = {}

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("secretsmanager", read_timeout=READ_TIMEOUT)

    def get(self, name: str) -> Mapping[str, Any]:
        """See `muster.ports.Secrets.get`."""
        cached = self._cache.get(name)
        return self.refresh(name) if cached is None else cached

    def refresh(self, name: str) -> Mapping[str, Any]:
        """See `muster.ports.Secrets.refresh`."""
        self._cache[name] = value = _parse(name, self._read(name))
        return value

    def text(self, name: str) -> str:
        """See `muster.ports.Secrets.text`."""
        text = self._read(name)
        if text is None:
            raise ConfigurationError(f"Secret {name} holds bytes. Store it as text.")
        return text

    def _read(self, name: str) -> str | None:
        try:
            return self._client.get_secret_value(SecretId=name).get("SecretString")
        except service_errors() as exc:
            if error_code(exc) == _NOT_FOUND:
                raise missing(name) from exc
            raise translate(
                exc,
                action="secretsmanager:GetSecretValue",
                resource=f"secret {name}",
                unavailable=SecretsUnavailable,
            ) from exc


def missing(name: str) -> SecretMissing:
    """The error of a secret that is not there."""
    return SecretMissing(
        f"Secret {name} does not exist. Create it: "
        f"aws secretsmanager create-secret --name {name} --secret-string file://secret.txt"
    )


def _parse(name: str, text: str | None) -> Mapping[str, Any]:
    # The parser's error would quote the secret, so it is not chained.
    try:
        value = json.loads(text or "")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(f"Secret {name} is not a JSON object. Store it as one.")
    return cast("Mapping[str, Any]", value)
