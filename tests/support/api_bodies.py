"""A body that each operation of the API takes, about the agent, job, instance or task `theirs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.api_calls import AGENT

ENDPOINT = {"url": "https://agent.example/execute"}

JOB = {"agent_id": AGENT, "job_id": "theirs", "params": {"n": 1}}
OF_AGENT = {"agent_id": "theirs", "endpoint": ENDPOINT}
OF_INSTANCE = {"instance_id": "theirs", "agents": [AGENT]}

BODIES: Mapping[str, Mapping[str, Any]] = {
    "submitJob": JOB,
    "submitJobAlias": JOB,
    "cancelJobs": {"agent_id": AGENT, "dry_run": False},
    "retryJobs": {"agent_id": AGENT, "dry_run": False},
    "redriveDeadLetters": {"dry_run": False},
    "purgeDeadLetters": {"dry_run": False},
    "claimExecutions": {"agent_id": AGENT},
    "reportExecution": {},
    "issueToken": {},
    "registerAgent": OF_AGENT,
    "registerInstance": OF_INSTANCE,
    "beatInstance": {},
    "reportInstance": {"status": "busy"},
    "submitTask": {"requirements": {"capabilities": ["flying"]}, "task_id": "its-own"},
    "coordinatorSubmit": {"agent_id": AGENT, "task_data": {"n": 1}, "task_id": "theirs"},
    "coordinatorRegister": {"agent_id": "theirs", "agent_type": "worker"},
    "coordinatorDiscover": {},
    "coordinatorStatus": {"status": "busy"},
    "hubRegister": {"instanceId": "theirs", "agentId": AGENT, "endpoint": ENDPOINT},
    "hubRegisterAgent": {"agentId": "theirs", "endpoint": ENDPOINT},
    "hubHeartbeat": {"instanceId": "theirs"},
    "hubDeregister": {"instanceId": "theirs"},
    "receiveDelivery": {},
}
