"""`app.py` as the CDK runs it: the same output every time, no network, errors without a traceback."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.infra.synthesis import ROOT

#: Refuses every connection but the pipe to Node.js, where the kernel does not let us drop the network.
_GUARD = """
import socket
def refuse(*_, **__): raise OSError("this test allows no network")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
"""


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
    (folder / ".muster").symlink_to(ROOT / ".muster")
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


def test_two_synths_are_the_same_byte_for_byte_and_need_no_network(tmp_path: Path):
    # Given two folders, and for one run no network, no account and nobody's AWS settings
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    repository = checkout(tmp_path / "repository")
    prefix, guard = without_network(tmp_path)
    # When the app runs in each
    runs = [
        run_app(repository, folders[0], prefix=prefix, environment=guard, stage="dev"),
        run_app(repository, folders[1], stage="dev"),
    ]
    # Then both succeed, and wrote the same
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    assert same(folders[0] / "cdk.out", folders[1] / "cdk.out") == []
    # And what the checks found and accepted is reported
    report = json.loads((folders[0] / "cdk.out" / "validation-report.json").read_text())
    assert {"AwsSolutions", "Serverless"} <= {p["pluginName"] for p in report["pluginReports"]}


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
