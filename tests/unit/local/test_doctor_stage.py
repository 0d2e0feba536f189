"""What the doctor says of a stage: its name, its last synth, and whether a deploy needs Docker."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.doctor import stage
from local.doctor.assembly import FOLDER, Assembly
from local.doctor.finding import Level
from local.doctor.needs import Needs
from muster.manifest import Manifest, Queue
from stacks.config import STAGES
from tests.support.examined import ASSEMBLY, MACHINE


def agent(name: str = "one", **fields: Any) -> Manifest:
    """A manifest of which little matters."""
    given = {"compute": "lambda", "timeout": timedelta(seconds=10), "queue": Queue(batch=10)}
    return Manifest(id=name, version="1", **{**given, **fields})


@pytest.mark.parametrize(
    ("name", "level", "told"),
    [
        ("dev", "ok", "dev"),
        ("develop", "problem", "no stage 'develop'"),
        ("Dev_1", "problem", "cannot be part"),
        ("d" * 21, "problem", "cannot be part"),
    ],
)
def test_a_stage_is_one_that_there_is_under_a_name_that_aws_takes(name: str, level: str, told: str):
    found = stage.name(name, known=("dev", "Dev_1", "d" * 21))
    assert found.level == level
    assert told in found.told
    assert bool(found.cure) == (level == "problem")


def test_an_unknown_stage_is_told_of_the_others():
    assert "use one of local, dev, prod" in stage.name("x", known=STAGES).cure


@pytest.mark.parametrize(
    ("assembly", "level", "told"),
    [
        (ASSEMBLY, "ok", "what the checkout says"),
        (None, "warning", "cdk.out holds no dev"),
        (replace(ASSEMBLY, outdated_by="app.py"), "warning", "app.py is newer"),
    ],
)
def test_a_synth_is_of_this_stage_and_of_this_code(
    assembly: Assembly | None, level: str, told: str
):
    found = stage.synthesised(assembly, stage="dev")
    assert found.level == level
    assert told in found.told
    assert ("make synth STAGE=dev" in found.cure) == (level == "warning")


def test_docker_is_needed_where_a_deploy_builds_an_image():
    # Given an agent that is a service, in a stage that builds images, and in one that does not
    service = agent("slow", compute="fargate")
    dev, local = (Needs.of(STAGES[name], [agent(), service]) for name in ("dev", "local"))
    without = Needs.of(STAGES["dev"], [agent()])
    # When the doctor looks at a machine without Docker
    # Then only the first cannot be deployed, and why is said
    (ill,) = stage.docker(dev, MACHINE)
    assert (ill.level, "the image of slow" in ill.told) == (Level.PROBLEM, True)
    assert "CDK_DOCKER" in ill.cure
    assert [f.level for needs in (local, without) for f in stage.docker(needs, MACHINE)] == [
        Level.OK,
        Level.OK,
    ]
    # And with Docker it can
    (well,) = stage.docker(dev, replace(MACHINE, docker_server=(27, 0, 1)))
    assert (well.level, "27.0.1 answers" in well.told) == (Level.OK, True)


def test_needs_are_those_of_the_busiest_moment():
    # Given a function of 10 at once, a service of 4 jobs by two, and one that launches a task a job
    agents = [
        agent("function", concurrency=10),
        agent("service", compute="fargate", concurrency=4, queue=Queue(batch=2), cpu=512),
        agent("tasks", compute="fargate", isolation="task", concurrency=3, cpu=2048),
    ]
    # When they are added up
    needs = Needs.of(STAGES["dev"], agents)
    # Then a deployment may double the services' tasks: 2 x 2 x 0.5, and 2 x 1 x 2 + 3 x 2
    assert needs.vcpus == 2 + 4 + 6
    assert needs.largest_task == 2
    # And the functions are those of the agent, of the API and our own
    assert needs.functions == 10 + STAGES["dev"].api.concurrency + 3
    assert needs.reserved == STAGES["dev"].api.concurrency


def _synthesise(root: Path, name: str) -> None:
    """Leave what a synth leaves, as far as the doctor reads it."""
    folder = root / FOLDER
    folder.mkdir()
    rules = {"A": {"Type": "AWS::Events::Rule"}, "B": {"Type": "AWS::SQS::Queue"}}
    foreign = {"C": {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": "other"}}}
    (folder / "a.template.json").write_text(json.dumps({"Resources": {**rules, **foreign}}))
    images = {"1": {"displayName": "slow/Task/Image"}, "2": {"displayName": "slow/Task/Image"}}
    (folder / "a.assets.json").write_text(json.dumps({"dockerImages": images}))
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {
            "templateFile": "a.template.json",
            "requiresBootstrapStackVersion": 6,
            "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/mine/version",
        },
    }
    assets = {"type": "cdk:asset-manifest", "properties": {"file": "a.assets.json"}}
    (folder / "manifest.json").write_text(
        json.dumps(
            {
                "minimumCliVersion": "2.1147.0",
                "artifacts": {f"muster-{name}-agents-0": stack, "a.assets": assets},
            }
        )
    )


def test_the_last_synth_says_what_it_asks_for(tmp_path: Path):
    # Given a checkout whose last synth was of dev
    (tmp_path / "app.py").write_text("")
    _synthesise(tmp_path, "dev")
    # When it is read
    assembly = Assembly.read(tmp_path, stage="dev")
    # Then it says what it needs, and counts rules of the default bus only
    assert assembly == Assembly(
        least_cdk=(2, 1147, 0),
        least_bootstrap=6,
        bootstrap_parameter="/cdk-bootstrap/mine/version",
        images=("slow",),
        rules=1,
        outdated_by=None,
    )
    # And it is none of another stage, nor one whose name begins alike
    assert Assembly.read(tmp_path, stage="prod") is None
    assert Assembly.read(tmp_path, stage="d") is None
    # And once the code has changed it is outdated; byte code is no code
    later = (tmp_path / FOLDER / "manifest.json").stat().st_mtime + 10
    cache = tmp_path / "stacks" / "__pycache__"
    cache.mkdir(parents=True)
    for name in ("x.py", "y.cpython-311.pyc"):
        (cache / name).write_text("")
        os.utime(cache / name, (later, later))
    again = Assembly.read(tmp_path, stage="dev")
    assert again is not None
    assert again.outdated_by is None
    os.utime(tmp_path / "app.py", (later, later))
    changed = Assembly.read(tmp_path, stage="dev")
    assert changed is not None
    assert changed.outdated_by == "app.py"


def test_nothing_synthesised_is_none(tmp_path: Path):
    assert Assembly.read(tmp_path, stage="dev") is None
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "manifest.json").write_text("half a")
    assert Assembly.read(tmp_path, stage="dev") is None
