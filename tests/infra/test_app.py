"""`app.py` as the CDK runs it: the same output every time, no network, errors without a traceback."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.unfinished import MARK
from tests.infra.synthesis import ROOT

#: A secret, and where people keep theirs: what ends in a template or an asset is read by many.
CANARY = "canary-0d9f4711"
SECRET_VARIABLES = (
    *(
        "DATABASE_URL",
        "PGPASSWORD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ),
    *(
        "MUSTER_API_KEY",
        "MUSTER_TOKEN_SECRET",
        "MUSTER_DATABASE_SECRET",
        "FEED_TOKEN",
        "FEEDS_TOKEN",
    ),
)
SECRET_FILES = (".env", ".env.local", ".envrc", ".aws/credentials", ".pgpass", ".netrc")

#: Refuses every connection but the pipe to Node.js, where the kernel does not let us drop the network.
_GUARD = """
import socket
def refuse(*_, **__): raise OSError("this test allows no network")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
"""

#: Where the CDK unpacks itself, which takes ten seconds of work, and Node.js keeps what it compiled.
_UNPACKED = {
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
    **{n: value for n, value in os.environ.items() if n == "NODE_COMPILE_CACHE"},
}


def without_network(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """A command prefix and environment in which nothing can be reached."""
    unshare = shutil.which("unshare")
    if unshare and not subprocess.run([unshare, "-rn", "true"], check=False).returncode:
        return [unshare, "-rn"], {}
    (tmp_path / "sitecustomize.py").write_text(_GUARD)
    return [], {"PYTHONPATH": str(tmp_path)}


def checkout(folder: Path) -> Path:
    """What the app reads, in a folder that nobody else writes to."""
    for name in ("muster", "stacks", "lambdas", "ecs_listener", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    (folder / ".muster").mkdir()
    (folder / ".muster" / "wheelhouse").symlink_to(ROOT / ".muster" / "wheelhouse")
    return folder


def run_app(
    repository: Path,
    folder: Path,
    *,
    prefix: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    **context: object,
) -> subprocess.CompletedProcess[str]:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **_UNPACKED,
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps({**flags, "aws:cdk:bundling-stacks": [], **context}),
        **(environment or {}),
    }
    return subprocess.run(
        [*prefix, sys.executable, "app.py"],
        cwd=repository,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def same(left: Path, right: Path) -> list[str]:
    """Files that differ, or are in one folder only."""
    compared = filecmp.dircmp(left, right, ignore=[], hide=[])
    names = {p.relative_to(left).as_posix() for p in left.rglob("*") if p.is_file()}
    _, mismatch, errors = filecmp.cmpfiles(left, right, names, shallow=False)
    return [*mismatch, *errors, *compared.left_only, *compared.right_only]


@dataclass(frozen=True, kw_only=True)
class Synths:
    """Two runs of the app on one checkout, each in a folder of its own."""

    runs: Sequence[subprocess.CompletedProcess[str]]
    folders: Sequence[Path]
    compiled: Sequence[int]
    """Modules of Node.js that were kept compiled, after each run."""
    validated: Sequence[Path]
    """Reports of the template validation that were kept, after both."""

    @property
    def outputs(self) -> list[Path]:
        return [folder / "cdk.out" for folder in self.folders]


@pytest.fixture(scope="module")
def synths(tmp_path_factory: pytest.TempPathFactory) -> Synths:
    """One without network, account and settings; one where a developer keeps secrets in every usual place.

    The second follows one that was killed after it had made the assets' folders, before it filled them.
    """
    root = tmp_path_factory.mktemp("synths")
    folders = [root / "one", root / "two"]
    for folder in folders:
        folder.mkdir()
    repository = checkout(root / "repository")
    for name in SECRET_FILES:
        for place in (repository, repository / "lambdas", repository / "lambdas/agents/http-fetch"):
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text(f"token = {CANARY}\n")
    prefix, guard = without_network(root)
    kept = root / "compiled"
    own = {"NODE_COMPILE_CACHE": str(kept), "TMPDIR": str(root)}
    secrets = dict.fromkeys(SECRET_VARIABLES, CANARY)
    runs: list[subprocess.CompletedProcess[str]] = []
    compiled: list[int] = []
    for folder, before, more in ((folders[0], prefix, guard), (folders[1], (), secrets)):
        environment = {**more, **own}
        if runs:
            _leave_unfinished(folders[0] / "cdk.out", folder / "cdk.out")
        runs.append(
            run_app(repository, folder, prefix=before, environment=environment, stage="dev")
        )
        compiled.append(sum(path.is_file() for path in kept.rglob("*")))
    validated = list((repository / ".muster" / "validated").iterdir())
    return Synths(runs=runs, folders=folders, compiled=compiled, validated=validated)


def _leave_unfinished(whole: Path, assembly: Path) -> None:
    """The folder of an assembly as a synth leaves it that is killed while it stages."""
    assembly.mkdir()
    (assembly / MARK).touch()
    for asset in whole.glob("asset.*"):
        if asset.is_dir():
            (assembly / asset.name).mkdir()


def test_a_synth_that_was_killed_leaves_no_half_asset_to_the_next(synths: Synths):
    # Given a synth that followed a killed one / Then no asset of it is empty, and the mark is gone
    after = synths.outputs[1]
    assets = [path for path in after.glob("asset.*") if path.is_dir()]
    assert assets
    assert [asset.name for asset in assets if not any(asset.iterdir())] == []
    assert not (after / MARK).exists()


def test_two_synths_are_the_same_byte_for_byte_and_need_no_network(synths: Synths):
    # Given two runs, one of them without network, account and anybody's AWS settings
    # Then both succeed, and wrote the same
    assert [run.returncode for run in synths.runs] == [0, 0], [run.stderr for run in synths.runs]
    assert same(*synths.outputs) == []
    # And what the checks found and accepted is reported
    report = json.loads((synths.outputs[0] / "validation-report.json").read_text())
    assert {"AwsSolutions", "Serverless"} <= {p["pluginName"] for p in report["pluginReports"]}


def test_no_template_and_no_asset_holds_a_secret_of_where_it_was_made(synths: Synths):
    # Given secrets in the environment of a run, and in files that developers keep beside code
    # When everything is looked through that would be uploaded, or that it printed
    written = [path for output in synths.outputs for path in output.rglob("*") if path.is_file()]
    told = "".join(run.stdout + run.stderr for run in synths.runs)
    # Then there are templates and code, and no secret
    assert any(path.name.endswith(".template.json") for path in written)
    assert any(path.name == "agent.py" for path in written)
    assert [path for path in written if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in told


def test_a_synth_finds_what_the_one_before_has_compiled(synths: Synths):
    # Given the modules that a synth has loaded and kept, when there is another / Then hardly one is new
    first, second = synths.compiled
    assert first > 500
    assert second - first < 20
    # And no folder of the kernel's is left
    assert not list(synths.folders[0].parent.glob("jsii-kernel-*"))


def test_templates_are_validated_and_the_same_ones_once(synths: Synths):
    # Given two synths of the same templates / Then one report of what the validation found is kept
    [report] = synths.validated
    assert json.loads(report.read_text())["success"] is True


def test_a_missing_stage_prints_the_command_and_no_traceback(tmp_path: Path):
    run = run_app(ROOT, tmp_path)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "local, dev, prod" in run.stderr
    assert "npx cdk deploy --all -c stage=dev" in run.stderr


def test_every_problem_of_the_agents_is_told_without_a_traceback(tmp_path: Path):
    # Given a checkout with an agent that asks for what is not built, and for a bucket that is not there
    repository = checkout(tmp_path / "repository")
    manifest = repository / "lambdas" / "agents" / "document-profile" / "agent.toml"
    text = manifest.read_text().replace("bucket:uploads", "bucket:nowhere")
    text = text.replace('compute = "lambda"', 'compute = "http"')
    manifest.write_text(text + '\n[endpoint]\nurl = "https://agents.example.com/profile"\n')
    # When the app runs
    run = run_app(repository, tmp_path, stage="dev")
    # Then both are in the message
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "compute http is not built yet" in run.stderr
    assert "bucket:nowhere" in run.stderr


def test_cdk_json_runs_the_repository_s_own_python_with_every_recommended_flag():
    settings = json.loads((ROOT / "cdk.json").read_text())
    assert settings["app"] == ".venv/bin/python app.py"
    assert settings["context"]["@aws-cdk/core:validateAgainstDefaultRules"] is True
    assert len(settings["context"]) >= 89
