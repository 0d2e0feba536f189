"""Jobs with a process of their own, on the deployed cloud."""

from __future__ import annotations

import json
from collections import defaultdict

from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

AGENT = "keeps-apart"
TENANTS = 8
CANARY = "canary-of-the-deployed-cloud"
KILLERS = {"exit": "exited", "segfault": "killed", "hang": "timeout"}


def test_jobs_of_one_warm_worker_find_nothing_of_each_other_and_killers_die_alone(
    deployed: DeployedCopy,
):
    """S10: deployed, an agent with `isolation = "process"` and a secret."""
    # Given the agent's secret
    deployed.aws.client("secretsmanager").create_secret(
        Name="demo/keeps-apart", SecretString=CANARY
    )
    # When jobs of many tenants come in one batch with killers
    jobs: list[tuple[str, dict[str, str]]] = [(f"tenant-{n}", {}) for n in range(TENANTS)]
    jobs[2:2] = [(f"killer-{how}", {"dies": how}) for how in KILLERS]
    entries = [
        {
            "Id": str(number),
            "MessageBody": json.dumps(
                {"muster": 1, "job_id": f"job-{tenant}", "tenant": tenant, "params": params}
            ),
        }
        for number, (tenant, params) in enumerate(jobs)
    ]
    sqs = deployed.aws.client("sqs")
    url = deployed.described["agents"][AGENT]["queue_url"]
    for start in range(0, len(entries), 10):
        sqs.send_message_batch(QueueUrl=url, Entries=entries[start : start + 10])
    wait_for(lambda: _ended(deployed) == len(jobs), what="all ended", timeout=900)
    # Then each killer failed as what it was, and nobody with it
    rows = deployed.query(
        "SELECT tenant, status, result, error, attempts FROM agent_job_execution WHERE agent_id = %s",
        AGENT,
    )
    failed = {tenant: error["code"] for tenant, status, _, error, _ in rows if status == "failed"}
    assert failed == {f"killer-{how}": code for how, code in KILLERS.items()}
    assert {attempts for *_, attempts in rows} == {1}
    # And workers ran several tenants' jobs, of which none found anything of another, or of the ledger
    results = {tenant: result for tenant, status, result, *_ in rows if status == "completed"}
    assert len(results) == TENANTS
    served: defaultdict[int, set[str]] = defaultdict(set)
    for tenant, result in results.items():
        served[result["worker"]].add(tenant)
        assert (result["found"], result["ledger"], result["token"]) == ([], [], len(CANARY))
    assert max(map(len, served.values())) > 1
    # And their secret is in no log line
    function = deployed.aws.client("lambda").get_function_configuration(
        FunctionName=deployed.described["agents"][AGENT]["function_name"]
    )
    pages = deployed.aws.client("logs").get_paginator("filter_log_events")
    lines = [
        event["message"]
        for page in pages.paginate(logGroupName=function["LoggingConfig"]["LogGroup"])
        for event in page["events"]
    ]
    assert any("used ***" in line for line in lines)
    assert not [line for line in lines if CANARY in line]


def _ended(deployed: DeployedCopy) -> int:
    ((count,),) = deployed.query(
        "SELECT count(*) FROM agent_job_execution WHERE agent_id = %s AND status IN ('completed', 'failed')",
        AGENT,
    )
    return count
