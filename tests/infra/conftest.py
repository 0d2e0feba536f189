"""Each stage is synthesised once in a session: starting the CDK costs seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stacks.config import STAGES
from tests.infra.synthesis import Synthesis, agents_of, synthesise


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesis]:
    """A stage by name, synthesised at its first use."""
    done: dict[str, Synthesis] = {}

    def of(name: str) -> Synthesis:
        if name not in done:
            stage = STAGES[name]
            done[name] = synthesise(stage, agents_of(stage), tmp_path_factory.mktemp(name))
        return done[name]

    return of


@pytest.fixture(scope="session", params=list(STAGES))
def each(request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesis]) -> Synthesis:
    """Every stage in turn."""
    return synthesised(request.param)


@pytest.fixture(scope="session", params=["dev", "prod"])
def cloud(request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesis]) -> Synthesis:
    """Every stage that is deployed to AWS."""
    return synthesised(request.param)
