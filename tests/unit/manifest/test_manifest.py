"""What a good manifest becomes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from muster.manifest import (
    Manifest,
    ManifestError,
    Schedule,
    agent_id_of,
    digest,
    from_json,
    load_agents,
    load_manifest,
    package_name,
    to_json,
    unbuilt,
)
from tests.support.registration import agent

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference" / "manifest.md"
BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_shortest_manifest_gets_every_default(write: Callable[..., Path]):
    (manifest,) = load_agents([write('id = "tidy"\nversion = "1"')])

    assert manifest.name == "tidy"
    assert manifest.compute == "lambda"
    assert manifest.timeout == timedelta(minutes=2)
    assert (manifest.memory, manifest.retries, manifest.concurrency) == (512, 4, 20)
    assert (manifest.isolation, manifest.egress) == ("shared", "none")
    assert manifest.queue.lanes == ("normal",)
    assert manifest.input_schema is None


@pytest.mark.parametrize(("timeout", "batch"), [("1s", 10), ("88s", 10), ("2m", 7), ("14m45s", 1)])
def test_the_default_batch_is_the_largest_that_fits(
    timeout: str, batch: int, write: Callable[..., Path]
):
    (manifest,) = load_agents([write(f'id = "tidy"\nversion = "1"\ntimeout = "{timeout}"')])

    assert manifest.queue.batch == batch
    assert manifest.function_timeout <= timedelta(minutes=15)


def test_numbers_that_follow_from_others_are_derived():
    manifest = agent("tidy", retries=4, timeout=timedelta(seconds=10))

    assert manifest.max_attempts == 5
    assert manifest.function_timeout == timedelta(seconds=85)
    assert manifest.visibility_timeout == timedelta(seconds=510)
    assert manifest.max_receive_count == 50
    assert agent("tidy", retries=99).max_receive_count == 1000


@pytest.mark.parametrize("agent_id", ["ab", "feed-collector", "a--b", "x9-", "class", "a-1-2"])
def test_a_folder_with_hyphens_and_its_package_name_each_other(agent_id: str):
    package = package_name(agent_id)

    assert package == f"muster_agents.{agent_id.replace('-', '_')}"
    assert package.split(".")[1].isidentifier()
    assert agent_id_of(package) == agent_id


@pytest.mark.parametrize(
    "package", ["muster_agents", "muster_agents.a-b", "other.a", "muster_agents.a.b"]
)
def test_no_other_package_names_an_agent(package: str):
    with pytest.raises(ValueError, match="not the package of an agent"):
        agent_id_of(package)


def _documented() -> list[str]:
    return BLOCK.findall(REFERENCE.read_text("utf-8"))


def test_the_reference_shows_manifests():
    assert len(_documented()) >= 3


@pytest.mark.parametrize("toml", _documented(), ids=lambda toml: toml.splitlines()[0])
def test_every_manifest_that_the_reference_shows_is_good(toml: str, tmp_path: Path):
    # Given the manifest in the folder that its id names
    found = re.search(r'^id = "(.*)"', toml, re.MULTILINE)
    assert found is not None
    folder = tmp_path / found[1]
    folder.mkdir()
    (folder / "agent.toml").write_text(toml, "utf-8")
    if "\nimage = " not in toml:
        (folder / "agent.py").touch()

    # Then it is read without a problem, and comes back from its own JSON
    manifest = load_manifest(folder)
    assert from_json(to_json(manifest)) == manifest


def test_every_key_of_a_manifest_is_in_the_reference():
    text = REFERENCE.read_text("utf-8")
    names = {field.name for field in fields(Manifest)} - {"folder", "schedules", "webhooks"}
    keys = names | {"schedule", "webhook"}

    assert [key for key in keys if not re.search(rf"`\[*{key}\]*`", text)] == []


def test_equal_manifests_have_equal_digests_and_different_ones_different():
    assert digest(agent("tidy", config={"a": 1, "b": 2})) == digest(
        agent("tidy", config={"b": 2, "a": 1})
    )
    assert digest(agent("tidy")) != digest(agent("tidy", retries=5))


def test_a_digest_is_the_same_in_every_process():
    program = (
        "from tests.support.registration import agent; from muster.manifest import digest;"
        "print(digest(agent('tidy', tags=('a', 'b'), cost_tags={'x': 'y'})))"
    )

    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1


def test_a_document_that_is_no_manifest_is_refused():
    with pytest.raises(ManifestError, match="2 problems"):
        from_json({})


def test_what_is_not_built_yet_is_told_with_what_to_do_until_then():
    manifest = agent(
        "tidy",
        compute="http",
        schedules=(Schedule(name="daily", cron="0 0 * * *", overlap="skip", missed="all"),),
    )

    found = {problem.key: str(problem) for problem in unbuilt(manifest)}

    assert found.keys() == {"compute"}
    assert all("not built yet" in text and "until" in text for text in found.values())
    assert unbuilt(agent("tidy")) == []


def test_reading_manifests_imports_nothing_heavy(write: Callable[..., Path]):
    # Given a manifest without schemas
    root = write('id = "tidy"\nversion = "1"')
    program = (
        "import sys, pathlib; from muster.manifest import load_agents;"
        "load_agents([pathlib.Path(sys.argv[1])]);"
        "print([m for m in ('jsonschema_rs', 'boto3', 'psycopg2', 'zoneinfo') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
