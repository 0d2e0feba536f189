"""`muster demo` shows every kind of job and checks itself, again and again on the same cloud."""

from __future__ import annotations

import json

from tests.support.deployed import DeployedCopy


def test_the_demo_finds_everything_as_it_must_be(deployed: DeployedCopy):
    # Given a deployed cloud
    # When it runs
    done = deployed.muster("demo", "--json")
    # Then it is content, and stdout is one object
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["ok"] is True
    assert shown["problems"] == []
    # And every message is accounted for: 175 sent and 2 objects dropped, of either one copy
    assert shown["sent"] == 178
    assert shown["duplicates"] == 2
    assert shown["executions"] == {
        "always-fails": {"failed": 1},
        "dies-mid-batch": {"completed": 5},
        "document-profile": {"completed": 103, "failed": 1},
        "fails-twice": {"completed": 1},
        "feed-collector": {"completed": 1},
        "http-fetch": {"completed": 1, "failed": 1},
        "outlives": {"completed": 1},
        "overtakes": {"completed": 61},
    }
    # And the deployed tick fired a schedule
    assert shown["fired"] >= 1
    # And an urgent job was before others that were there before it
    assert shown["overtaken"] >= 1
    # And a change of config was taken up
    assert 0 < shown["config_seconds"] < 120
    # And a signed delivery started one job, and its replay, its late replay and a forged one none
    assert shown["webhook"] == {
        "first": 202, "again": 200, "other": 409, "late": 401, "forged": 401,
    }  # fmt: skip
    # And a worker outside registered itself over HTTP, took a job, reported back and left
    assert shown["outside"] == {
        "instance": f"outside-{shown['run']}",
        "reported": ["running", "completed"],
        "left": "inactive",
    }
    # And the dead letters have reasons
    reasons = {letter["agent"]: letter["reason"].split(":")[0] for letter in shown["dlq"]}
    assert reasons == {
        "always-fails": "retry_later",
        "document-profile": "malformed_body",
        "http-fetch": "metadata_address",
    }
    assert 0 < shown["latency_ms"]["p50"] <= shown["latency_ms"]["p99"]
    assert shown["deploy_seconds"] > 0


def test_the_demo_fails_when_an_agent_does_not_do_as_it_must(deployed: DeployedCopy):
    # Given a cloud on which the demo has run before, and an agent that succeeds where it should fail
    agent = deployed.path / "local" / "agents" / "always-fails" / "agent.py"
    before = agent.read_text()
    agent.write_text(before.replace("    raise RetryLater", "    return\n    raise RetryLater"))
    try:
        # When the demo runs
        done = deployed.muster("demo", "--json")
    finally:
        agent.write_text(before)
    # Then it says what is wrong and nothing else, and its exit code does
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert shown["ok"] is False
    assert any("is completed instead of failed" in problem for problem in shown["problems"])
    assert all(problem.startswith("always-fails ") for problem in shown["problems"])
    deployed.up()
