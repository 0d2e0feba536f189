"""A manifest that asks for what the stage lacks is refused before anything is synthesised."""

from __future__ import annotations

import pytest

from muster.errors import ConfigurationError
from muster.manifest import Permissions
from stacks import fit
from stacks.config import STAGES, Stage
from stacks.packaging import agent_folder
from tests.infra.synthesis import agent


@pytest.fixture(autouse=True)
def no_wheels_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes have a test of their own."""

    def none(_: Stage, __: object) -> list[str]:
        return []

    monkeypatch.setattr(fit, "size_problems", none)


def test_what_fits_is_no_problem():
    assert fit.misfits(STAGES["dev"], [agent("one", architecture="arm64")]) == []


def test_every_misfit_is_told_with_file_key_value_and_cure():
    # Given agents that ask for a bucket and a processor that the stage lacks
    agents = [
        agent("one", permissions=Permissions(read=("bucket:missing",), write=("bucket:other",))),
        agent("two", architecture="x86_64"),
    ]
    # When they are held against the stage
    problems = fit.misfits(STAGES["dev"], agents)
    # Then each is one sentence
    assert len(problems) == 3
    assert "permissions.read = 'bucket:missing'" in problems[0]
    assert "has the buckets uploads" in problems[0]
    assert "permissions.write = 'bucket:other'" in problems[1]
    assert "architecture = 'x86_64'" in problems[2]
    assert all("agent.toml" in problem for problem in problems)


def test_an_agent_from_elsewhere_cannot_be_in_the_asset():
    with pytest.raises(ConfigurationError, match="is not a folder of"):
        agent_folder(agent("one", folder=None))
