"""What goes into the listener's image, and that the image is the one its task definition expects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stacks.config import STAGES
from tests.infra.synthesis import ROOT, Synthesis, long_jobs, synthesise
from tests.support.dockerfile import Step, read


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """A stage with one agent on Fargate, whose folder is that of `document-profile`."""
    folder = tmp_path_factory.mktemp("image")
    return synthesise(STAGES["dev"], [long_jobs()], folder, checked=False, validated=False)


def image(synthesis: Synthesis) -> dict[str, Any]:
    """How the one image is built."""
    for file in synthesis.folder.glob("*.assets.json"):
        for asset in json.loads(file.read_text())["dockerImages"].values():
            return asset["source"]
    raise AssertionError("no image is built")


def steps(name: str) -> list[str]:
    from stacks.listener_image import DOCKERFILE

    return [step.value for step in read(ROOT / DOCKERFILE) if step.name == name]


def test_the_image_holds_the_product_its_locks_and_nothing_else(built: Synthesis):
    from stacks.listener_image import DOCKERFILE

    folder = built.folder / image(built)["directory"]
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {name.split("/")[0] for name in files} == {
        "muster",
        "lambdas",
        "ecs_listener",
        "requirements",
    }
    for needed in ("ecs_listener/__main__.py", DOCKERFILE, "requirements/runtime.txt"):
        assert needed in files
    assert [n for n in files if n.startswith("requirements/")] == ["requirements/runtime.txt"]
    assert not [n for n in files if re.search(r"(^|/)(\.|tests/|test_|__pycache__)", n)]


def test_an_agent_with_packages_of_its_own_has_an_image_with_them(built: Synthesis):
    from stacks.listener_image import OWN_LOCK, own_lock

    lock = own_lock("lambdas/agents/document-profile")
    assert lock == "lambdas/agents/document-profile/requirements.txt"
    source = image(built)
    assert source["dockerBuildArgs"] == {OWN_LOCK: lock}
    assert (built.folder / source["directory"] / lock).is_file()
    assert own_lock("lambdas/agents/none-of-its-own") is None


def test_an_agent_without_packages_of_its_own_shares_the_image(tmp_path: Path):
    # Given two agents whose folders have no lock
    folder = ROOT / "local" / "agents" / "fails-twice"
    agents = [long_jobs(f"long-{n}", folder=folder) for n in range(2)]
    # When they are synthesised
    found = synthesise(STAGES["dev"], agents, tmp_path, checked=False, validated=False)
    # Then both run the same image, which takes no argument
    images = {str(found.container(m.id)["Image"]) for m in found.on_fargate}
    assert len(images) == 1
    assert "dockerBuildArgs" not in image(found)


def test_the_base_is_pinned_by_digest():
    (base,) = steps("FROM")
    assert re.fullmatch(r"python:3\.14-slim-\w+@sha256:[0-9a-f]{64}", base)


def test_image_and_task_definition_agree():
    from stacks.constructs.listener_task import COMMAND, SCRATCH, USER
    from stacks.listener_image import OWN_LOCK

    assert steps("USER") == [USER]
    assert [json.loads(value) for value in steps("VOLUME")] == [[SCRATCH]]
    assert [json.loads(value) for value in steps("CMD")] == [list(COMMAND)]
    assert [value.partition("=")[0] for value in steps("ARG")] == [OWN_LOCK]


def test_nothing_the_listener_starts_can_gain_privileges():
    assert [json.loads(value) for value in steps("ENTRYPOINT")] == [["setpriv", "--no-new-privs"]]


def test_packages_are_installed_by_hash_and_from_wheels_only():
    set_ = " ".join(steps("ENV"))
    assert "PIP_REQUIRE_HASHES=1" in set_
    assert "PIP_ONLY_BINARY=:all:" in set_
    installs = [value for value in steps("RUN") if "pip" in value]
    assert len(installs) == 2
    assert all("--requirement" in value for value in installs)


def test_a_dockerfile_is_read_with_its_continuations(tmp_path: Path):
    file = tmp_path / "Dockerfile"
    file.write_text('# a comment\nFROM a\n\nENV A=1 \\\n    B=2\nCMD ["x"]\n')
    assert read(file) == [
        Step(name="FROM", value="a"),
        Step(name="ENV", value="A=1 B=2"),
        Step(name="CMD", value='["x"]'),
    ]
