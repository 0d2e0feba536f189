"""AgentConfig as an agent's workers read it; `muster.store.config_changes` is the operators' side."""

from __future__ import annotations

from muster.agent_config import AgentConfig
from muster.store.connection import Database
from muster.store.statements import statements


def current_config(database: Database, *, agent_id: str) -> AgentConfig:
    """What the operators have changed by now.

    Raises:
        StoreUnavailable: no answer within the bounds.
    """
    rows = database.run(statements("config")["current_config"], {"agent_id": agent_id})
    return AgentConfig(version=rows[0][0], changes=rows[0][1]) if rows else AgentConfig()
