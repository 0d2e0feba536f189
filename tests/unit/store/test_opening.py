"""A ledger whose secret cannot be read for now is away, like one that does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from muster.contracts import DatabaseEnvironment
from muster.errors import StoreUnavailable
from muster.ports import SecretsUnavailable
from muster.store.connection import Database
from muster.store.opening import settings_reader
from muster.store.statements import statements


class NoSecrets:
    """Secrets Manager refuses for now."""

    def get(self, name: str) -> Mapping[str, Any]:
        raise SecretsUnavailable(f"secret {name}: slow down")

    refresh = get

    def text(self, name: str) -> str:
        raise NotImplementedError


def test_a_secret_that_cannot_be_read_for_now_is_a_ledger_that_is_away():
    environment = DatabaseEnvironment(
        stage="test", database_secret="db", database_tls="disable", code_version="test"
    )
    database = Database(settings_reader(environment, secrets=NoSecrets()))
    with pytest.raises(StoreUnavailable, match="secret db: slow down"):
        database.run(statements("renewals")["answers"])
