"""The shell steps of the workflows, run as a runner runs them, on the deployed local cloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.emulator import ACCOUNT, REGION
from tests.support.deployed import DeployedCopy
from tests.support.workflows import Step, execute, steps

pytestmark = pytest.mark.slow

_AGENT = "lambdas/agents/document-profile/agent.py"


@dataclass(kw_only=True)
class Runner:
    """A runner of GitHub's whose account is the local cloud."""

    deployed: DeployedCopy
    temporary: Path
    values: dict[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        return {
            **self.deployed.aws.environment(),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "1",
            # Where `muster up` synthesises: what it has zipped is there.
            "CDK": f"--output {self.deployed.checkout.synthesised}",
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary.md"),
            "PATH": f"{self.temporary / 'bin'}{os.pathsep}{os.environ['PATH']}",
            # What the session's tests set for themselves is not the runner's.
            "PYTHONPATH": "",
        }

    def run(self, step: Step, **environ: str) -> subprocess.CompletedProcess[str]:
        return execute(
            step,
            values=self.values,
            directory=self.deployed.path,
            environ={**self.environ(), **environ},
        )


def _step(workflow: str, name: str) -> Step:
    """A step by its name or by how its shell text begins."""
    (step,) = (
        step
        for step in steps(workflow)
        if step.run and str(step.body.get("name", step.run)).startswith(name)
    )
    return step


def _git(deployed: DeployedCopy, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=deployed.path,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def runner(deployed: DeployedCopy, tmp_path: Path) -> Iterator[Runner]:
    """A runner with a clone that has one commit: what is deployed."""
    key = deployed.muster("keys", "create", "pipeline", "--role", "operator", "--json")
    assert key.returncode == 0, key.stderr
    _git(deployed, "init", "--quiet")
    _git(deployed, "add", _AGENT)
    _git(deployed, "commit", "--quiet", "--message", "What is deployed")
    values = {
        "inputs.stage": "local",
        "matrix.stage": "local",
        "inputs.previous": _git(deployed, "rev-parse", "HEAD"),
        "vars.MUSTER_API_URL": deployed.described["api_url"],
        "secrets.MUSTER_API_KEY": json.loads(key.stdout)["key"],
        "github.event.pull_request.number": "17",
        "github.token": "token",
        "github.repository": "acme/agents",
    }
    yield Runner(deployed=deployed, temporary=tmp_path, values=values)
    shutil.rmtree(deployed.path / ".git")


def test_a_broken_version_ends_at_the_one_before_which_still_works(
    runner: Runner, deployed: DeployedCopy
):
    # Given a commit whose agent refuses every job
    agent = deployed.path / _AGENT
    good = agent.read_text()
    agent.write_text(
        good.replace(
            "    document = _document(job.params)\n", "    raise PermanentError('broken')\n", 1
        )
    )
    assert agent.read_text() != good
    _git(deployed, "commit", "--quiet", "--all", "--message", "Break it")
    # When it is deployed
    deploy = runner.run(_step("deploy.yml", "Deploy"), CDK=_fast(runner))
    assert deploy.returncode == 0, deploy.stdout + deploy.stderr
    # Then its first job says that it is broken
    smoke = runner.run(_step("deploy.yml", "Send a job"))
    assert smoke.returncode != 0
    assert "failed after" in smoke.stdout
    # And the workflow ends at the commit before, whose jobs are done again
    back = runner.run(_step("deploy.yml", "Go back"), CDK=_fast(runner))
    assert back.returncode == 0, back.stdout + back.stderr
    assert "completed after" in back.stdout
    assert agent.read_text() == good
    assert runner.values["inputs.previous"] in (runner.temporary / "summary.md").read_text()


def _fast(runner: Runner) -> str:
    """As the local cloud is deployed: without waiting five seconds a stack for its change set."""
    quick = "--method direct --concurrency 4 --asset-parallelism"
    return f"{runner.environ()['CDK']} {quick} -c @aws-cdk/core:enableAdditionalMetadataCollection="


def test_the_steps_of_a_pull_request_work(runner: Runner, deployed: DeployedCopy):
    # Given a pull request that gives an agent more memory, and a GitHub that writes down what it is told
    told = _github(runner)
    manifest = deployed.path / "lambdas/agents/document-profile/agent.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace("memory = 1024", "memory = 768"))
    assert manifest.read_text() != before
    try:
        # When its steps are run
        for name in ("make synth", "Compare", "Say so in one comment"):
            done = runner.run(_step("pull-request.yml", name))
            assert done.returncode == 0, (name, done.stdout + done.stderr)
        # Then the one comment says what a deploy would change
        assert "pr comment 17 --edit-last --create-if-none" in told.read_text()
        comment = (deployed.path / "comment.md").read_text()
        assert "What merging changes in `local`" in comment
        assert "768" in comment
        # And whoever asks why a deploy failed gets an answer where none did, too
        done = runner.run(_step("deploy.yml", "Say why"))
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        manifest.write_text(before)
        for name in ("diff.txt", "comment.md"):
            (deployed.path / name).unlink(missing_ok=True)


def _github(runner: Runner) -> Path:
    """Put a `gh` on the runner's path that writes down its arguments; says where."""
    told = runner.temporary / "gh.txt"
    folder = runner.temporary / "bin"
    folder.mkdir()
    program = folder / "gh"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{told}"\n')
    program.chmod(0o755)
    return told
