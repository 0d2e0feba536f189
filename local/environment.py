"""How to reach what runs in the local cloud, as shell exports and as one object."""

from __future__ import annotations

import json
from typing import Any

from local.aws import LocalAws
from local.emulator import CREDENTIAL, REGION
from local.stacks import outputs
from local.state import CloudState
from muster.contracts import OutputKey


def exports(state: CloudState) -> dict[str, str]:
    """Environment variables that point AWS's tools, psql's cousins and `muster` at this cloud."""
    return {**LocalAws(endpoint=state.endpoint).variables(), "DATABASE_URL": state.database_url}


def describe(state: CloudState) -> dict[str, Any]:
    """Everything a program needs to use this cloud through AWS's API and SQL."""
    stacks = outputs(LocalAws(endpoint=state.endpoint))
    merged = {name: value for stack in stacks.values() for name, value in stack.items()}
    agents: dict[str, Any] = {}
    for stack in stacks.values():
        agents |= json.loads(stack.get(OutputKey.AGENTS, "{}"))
    described: dict[str, Any] = {
        "aws": {
            "endpoint_url": state.endpoint,
            "region": REGION,
            "access_key_id": CREDENTIAL,
            "secret_access_key": CREDENTIAL,
        },
        "database_url": state.database_url,
        "agents": {name: _agent(agent) for name, agent in sorted(agents.items())},
        "bucket": merged.get(OutputKey.UPLOADS_BUCKET),
        "results_bucket": merged.get(OutputKey.RESULTS_BUCKET),
        "stacks": stacks,
    }
    if OutputKey.API_URL in merged:
        described["api_url"] = _api_url(merged[OutputKey.API_URL], endpoint=state.endpoint)
    return described


def _api_url(url: str, *, endpoint: str) -> str:
    """The API's address by the emulator's path: not every machine resolves names below `localhost`."""
    api_id = url.partition("://")[2].partition(".")[0]
    return f"{endpoint}/_aws/execute-api/{api_id}"


def _agent(output: dict[str, Any]) -> dict[str, Any]:
    queues = output["queues"]
    compute = {"function": "function_name", "cluster": "cluster", "service": "service"}
    return {
        "queue_url": queues["normal"],
        "queues": queues,
        "dlq_url": output["dlq"],
        **{name: output[key] for key, name in compute.items() if key in output},
    }
