"""A change of an agent's config on the deployed cloud: taken up by its functions, without a deployment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

#: A schedule starts it every 20 seconds; it returns `tone` of its config.
AGENT = "keeps-time"
#: The half minute between looks, and what a busy machine may take between a look and its claim.
TAKEN_UP = timedelta(seconds=45)


def test_a_change_is_taken_up_by_deployed_functions_within_a_minute(deployed: DeployedCopy):
    # Given an agent whose functions are warm, with whatever changes of its config came before
    wait_for(lambda: _jobs(deployed), what="a job of the agent", timeout=600)
    [(before,)] = deployed.query(
        "SELECT coalesce(max(version), 0) FROM agent_config WHERE agent_id = %s", AGENT
    )
    # When an operator changes its config
    done = deployed.muster("config", "set", AGENT, "tone=warm", "--by", "ana")
    assert done.returncode == 0, done.stderr
    try:
        [(changed_at,)] = deployed.query(
            "SELECT created_at FROM agent_config WHERE agent_id = %s AND version = %s",
            AGENT,
            before + 1,
        )
        wait_for(
            lambda: any(at > changed_at + TAKEN_UP for at, *_ in _jobs(deployed)),
            what="a job after the change",
            timeout=600,
        )
        # Then every job that started that much later has it, and none had it before
        for started_at, tone, version in _jobs(deployed):
            if started_at > changed_at + TAKEN_UP:
                assert (tone, version) == ("warm", before + 1)
            if started_at < changed_at:
                assert tone != "warm"
                assert version <= before
    finally:
        deployed.muster("config", "set", AGENT, "--replace")
    # And what the schema does not allow is refused
    refused = deployed.muster("config", "set", AGENT, "tone=")
    assert refused.returncode == 2
    assert "config_schema" in refused.stderr


def _jobs(deployed: DeployedCopy) -> list[tuple[Any, ...]]:
    return deployed.query(
        "SELECT started_at, result ->> 'tone', config_version FROM agent_job_execution"
        " WHERE agent_id = %s AND status = 'completed' ORDER BY started_at",
        AGENT,
    )
