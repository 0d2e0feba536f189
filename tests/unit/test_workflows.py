"""The workflows of GitHub: closed by default, pinned, and nothing but commands that anyone can run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source import ROOT
from tests.support.workflows import FOLDER, Step, steps, workflows

#: Where each shell step is seen to work: by continuous integration itself, or by a test on the local cloud.
_PULL_REQUEST = "tests/e2e/test_deploy_workflow.py::test_the_steps_of_a_pull_request_work"
_GOING_BACK = (
    "tests/e2e/test_deploy_workflow.py"
    "::test_a_broken_version_ends_at_the_one_before_which_still_works"
)
EXERCISED = {
    "make check": "tests/unit/test_workflows.py::test_every_make_target_of_a_step_exists",
    ".ci/run": "tests/unit/test_repository.py::test_continuous_integration_runs_what_developers_run",
    "make setup": "tests/unit/test_repository.py::test_setup_without_a_new_enough_python_names_the_cure",
    "make image": "tests/integration/test_listener_image.py"
    "::test_the_listener_runs_a_job_from_the_image_as_nobody_in_particular",
    'make synth STAGE="$STAGE"': _PULL_REQUEST,
    "Compare by change sets": _PULL_REQUEST,
    "Say so in one comment, which stays the last word": _PULL_REQUEST,
    "Say why it failed": _PULL_REQUEST,
    "Deploy": _GOING_BACK,
    "Send a job and wait for its record": _GOING_BACK,
    "Go back to the commit before, and see that it works": _GOING_BACK,
}


def _named(step: Step) -> str:
    return str(step.body.get("name", step.run))


def test_the_offline_linter_finds_nothing():
    linter = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [linter, "--offline", "--no-progress", FOLDER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_shell_step_is_exercised_by_a_test_that_exists():
    shell = {_named(step) for step in steps() if step.run}
    assert shell == set(EXERCISED)
    for test in EXERCISED.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), test


def test_every_make_target_of_a_step_exists():
    targets = {
        target
        for step in steps()
        for target in re.findall(r"make (?:--silent )?([a-z]+)", step.run)
    }
    assert {"check", "deploy", "diff", "smoke"} <= targets
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target, "STAGE=dev"], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0, target


@pytest.mark.parametrize("step", [s for s in steps() if s.uses], ids=lambda s: f"{s.job}: {s.uses}")
def test_every_action_is_pinned_by_its_commit(step: Step):
    assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.uses)


def test_shell_text_holds_no_expression():
    # An expression in shell text is code that whoever wrote the title of a pull request may have written
    assert [step.run for step in steps() if "${{" in step.run] == []


def test_only_jobs_that_speak_to_aws_may_ask_for_a_token_and_each_has_an_environment():
    asking = {
        (name, job_name): job
        for name, body in workflows().items()
        for job_name, job in body["jobs"].items()
        if "id-token" in job.get("permissions", {}) and "uses" not in job
    }
    assert set(asking) == {("pull-request.yml", "diff"), ("deploy.yml", "deploy")}
    assert all(job["environment"] for job in asking.values())
    assert asking["pull-request.yml", "diff"]["environment"].endswith("-diff")
    assert all(body["permissions"] == {} for body in workflows().values())


def test_what_takes_pull_requests_never_runs_with_the_rights_of_the_base():
    assert set(workflows()["pull-request.yml"][True]) == {"pull_request"}
