"""Secrets Manager in memory, behind the port `muster.ports.Secrets`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from muster.aws.secrets import missing
from muster.errors import ConfigurationError


class MemorySecrets:
    """Secrets in this process; read once, like the real adapter's."""

    def __init__(self) -> None:
        #: The text of each secret by name; tests may change it, as a rotation does.
        self.stored: dict[str, str] = {}
        self._cache: dict[str, Mapping[str, Any]] = {}

    def get(self, name: str) -> Mapping[str, Any]:
        return self._cache.get(name) or self.refresh(name)

    def refresh(self, name: str) -> Mapping[str, Any]:
        try:
            value = json.loads(self.text(name))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ConfigurationError(f"Secret {name} is no JSON object.")
        self._cache[name] = value
        return value

    def text(self, name: str) -> str:
        if name not in self.stored:
            raise missing(name)
        return self.stored[name]
