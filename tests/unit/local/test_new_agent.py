"""`muster new`: what it makes works as it is, and what cannot be is refused with the cure."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from local.new_agent import HOME, NewAgent
from muster.cli.errors import UsageError
from muster.manifest import ManifestError, load_agents, unbuilt
from tests.support.source import ROOT

Make = Callable[..., list[Path]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes an agent in a checkout of its own."""

    def make_one(name: str = "word-count", **options: str) -> list[Path]:
        return NewAgent(root=tmp_path, name=name, homes=(HOME, "local/agents"), **options).make()

    return make_one


def _tool(*command: str) -> subprocess.CompletedProcess[str]:
    """A tool of the checkout, as `make check` runs it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = {"PYRIGHT_PYTHON_GLOBAL_NODE": "1", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **settings, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("compute", "schedule"),
    list(itertools.product(("lambda", "fargate"), (None, "*/15 8-17 * * 1-5", "90s"))),
)
def test_synth_accepts_what_is_made(make: Make, tmp_path: Path, compute: str, schedule: str | None):
    # Given a name that is free
    # When an agent is made of it
    options = {"compute": compute} | ({"schedule": schedule} if schedule else {})
    made = make(**options)
    # Then its folder holds a manifest, a function and a test, and synth has nothing to say
    assert [path.name for path in made] == ["agent.toml", "agent.py", "test_word_count.py"]
    (manifest,) = load_agents([tmp_path / HOME])
    assert unbuilt(manifest) == []
    assert (manifest.id, manifest.compute) == ("word-count", compute)
    # And it is started when that was said
    planned = [(rule.cron, rule.every) for rule in manifest.schedules]
    assert (
        planned
        == {
            None: [],
            "*/15 8-17 * * 1-5": [("*/15 8-17 * * 1-5", None)],
            "90s": [(None, timedelta(seconds=90))],
        }[schedule]
    )


def test_what_is_made_passes_its_own_test_and_every_check(make: Make):
    # Given agents that were made by each way
    made = [*make("word-count", schedule="15m"), *make("long-one", compute="fargate")]
    files = [str(path) for path in made if path.suffix == ".py"]
    tests = [file for file in files if "test_" in file.rpartition("/")[2]]
    settings = str(ROOT / "pyproject.toml")
    # When the checks of the repository look at them, and their own tests run
    # Then nobody finds anything
    for command in (
        ("ruff", "format", "--check", "--config", settings, *files),
        ("ruff", "check", "--no-cache", "--config", settings, *files),
        ("pyright", "--warnings", str(made[1])),
        ("pytest", "-q", "-p", "no:cacheprovider", "-c", settings, *tests),
    ):
        done = _tool(*command)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Word_Count", "such as word-count"),
        ("x", "2 to 63 small letters"),
        ("9-lives", "such as lives"),
        ("../escape", "such as escape"),
        ("a" * 64, "such as " + "a" * 63),
        ("", "a letter first"),
        ("-", "a letter first"),
    ],
)
def test_a_bad_name_is_refused_with_a_good_one(make: Make, tmp_path: Path, name: str, told: str):
    with pytest.raises(UsageError, match=told):
        make(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", [HOME, "local/agents"])
def test_a_name_that_is_taken_is_refused_and_nothing_is_touched(
    make: Make, tmp_path: Path, home: str
):
    # Given an agent of that name, below any folder of agents
    folder = tmp_path / home / "word-count"
    folder.mkdir(parents=True)
    (folder / "agent.py").write_text("mine")
    # When another one is to be made
    # Then it is refused, and says where that one is
    with pytest.raises(UsageError, match=f"{home}/word-count is there already: choose another"):
        make()
    assert [path.name for path in folder.iterdir()] == ["agent.py"]
    assert (folder / "agent.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("every hour", "cron"),
        ("61 * * * *", "minute"),
        ("5s", "10s"),
        ('"\nx = 1', "use five fields of cron"),
        ("0 0 * * ☃", "use five fields of cron"),
    ],
)
def test_a_schedule_that_synth_would_refuse_makes_nothing(
    make: Make, tmp_path: Path, schedule: str, told: str
):
    with pytest.raises((UsageError, ManifestError), match=told):
        make(schedule=schedule)
    assert list(tmp_path.iterdir()) == []


def test_half_an_agent_is_never_left(make: Make, tmp_path: Path):
    # Given a disk on which no file of more than a hundred bytes fits
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        # When an agent is made
        with pytest.raises(OSError, match="too large"):
            make()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    # Then nothing of it is left to stop the next synth, and it can be made later
    assert list((tmp_path / HOME).iterdir()) == []
    assert len(make()) == 3
