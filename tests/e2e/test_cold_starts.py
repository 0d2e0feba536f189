"""What a cold start of the local cloud need not do again: unpack code and layers, and compile them."""

from __future__ import annotations

from pathlib import Path

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

#: Two functions of the same code and layer.
AGENTS = ("fails-twice", "always-fails")


def test_workers_of_the_same_code_share_one_unpacked_and_compiled_copy(deployed: DeployedCopy):
    # Given two functions of the same code, which have worked
    for agent in AGENTS:
        deployed.muster("send", agent, "--job-id", f"cold-{agent}")
    tried = (
        "SELECT 1 FROM agent_job_execution WHERE job_id LIKE 'cold-%%' AND fence > 0"
        " AND agent_id = ANY(%s)"
    )
    wait_for(lambda: len(deployed.query(tried, list(AGENTS))) == len(AGENTS), what="both at work")
    # When their workers' folders are looked at
    scratch = deployed.checkout.scratch
    workers = [path for path in scratch.glob("ministack-lambda-*") if _of(path, AGENTS)]
    # Then all have the same code and layer
    assert len(workers) >= len(AGENTS)
    [code] = {(worker / "code").resolve() for worker in workers}
    [layer] = {(worker / "layer_0").resolve() for worker in workers}
    # And Python found both compiled, all but for the first of them
    assert list(code.rglob("__pycache__/handler.*.pyc"))
    assert list(layer.glob("python/botocore/__pycache__/session.*.pyc"))


def _of(worker: Path, agents: tuple[str, ...]) -> bool:
    names = (agent.replace("-", "") for agent in agents)
    return any(f"-{name}AgentFunction" in worker.name for name in names)
