"""What must be true of the repository as a whole, whatever is in its files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from local.wheelhouse import locks
from tests.support.source import ROOT, tracked_files

#: Assembled, so that this file does not hold what it looks for.
_REGISTRIES = "|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)"])
_MACHINE = "|".join(rf"(?<![\w.~$}}])/{top}/" for top in ("work", "root", "Users", r"home/\w+"))
_NEVER = re.compile(f"({_REGISTRIES}|{_MACHINE})")
_PINNED = re.compile(r"^[A-Za-z0-9_.-]+(\[[\w,]+\])?==[^ ;]+( ;.*)? \\$")


def _texts() -> list[tuple[str, str]]:
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text("utf-8", errors="replace"))
        for path in tracked_files()
    ]


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    found = [
        f"{name}: {match.group()}" for name, text in _texts() for match in _NEVER.finditer(text)
    ]
    assert found == []


def test_text_ends_with_one_newline_and_has_no_trailing_space():
    sloppy = [
        name
        for name, text in _texts()
        if Path(name).suffix in {".py", ".md", ".toml", ".sql", ".in", ".txt", ""}
        and not name.startswith("tests/events/")
        and text
        and (not text.endswith("\n") or re.search(r"[ \t]+$", text, re.MULTILINE))
    ]
    assert sloppy == []


def test_nothing_is_left_for_later_in_silence():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    code = [
        (name, text)
        for name, text in _texts()
        if name.endswith((".py", ".sql")) and name != _own_name()
    ]
    assert [name for name, text in code if marks.search(text)] == []


def test_every_ignored_rule_says_why():
    bare = re.compile(
        r"#\s*(type:\s*ignore|pyright:\s*ignore|noqa)(\[[\w, ]+\]|:\s*[A-Z0-9, ]+)?\s*$",
        re.MULTILINE,
    )
    code = [(name, text) for name, text in _texts() if name.endswith(".py") and name != _own_name()]
    assert [name for name, text in code if bare.search(text)] == []


@pytest.mark.parametrize(
    "lock",
    [
        *locks(),
        *(
            ROOT / "requirements" / name
            for name in ("pip.txt", "dev.txt", "emulator.txt", "gates.txt")
        ),
        ROOT / "bench/peers/requirements.txt",
    ],
    ids=lambda lock: f"{lock.parent.name}/{lock.name}",
)
def test_every_requirement_is_pinned_by_hash(lock: Path):
    # Given a lock
    lines = lock.read_text("utf-8").splitlines()
    # When its requirements are read
    requirements = [line for line in lines if line and not line.startswith((" ", "#"))]
    # Then each is exact, followed by a hash, and holds for every Python that functions run on
    assert requirements
    assert [line for line in requirements if not _PINNED.match(line)] == []
    hashed = [
        lines[lines.index(line) + 1].strip().startswith("--hash=sha256:") for line in requirements
    ]
    assert all(hashed)
    if lock.name != "gates.txt":  # no function runs in the scanners' environment
        assert [
            line for line in requirements if "python_version" in line or "python_full" in line
        ] == []


def test_the_layers_and_the_development_environment_agree():
    own = [ROOT / "requirements" / name for name in ("pip.txt", "dev.txt")]
    pinned = {lock: _pins(lock) for lock in [*locks(), *own]}
    development = pinned.pop(ROOT / "requirements/dev.txt")
    different = {
        f"{lock.name}: {name}": (version, development.get(name))
        for lock, pins in pinned.items()
        for name, version in pins.items()
        if development.get(name) != version
    }
    assert different == {}


def _pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^ ;]+)", lock.read_text("utf-8"), re.MULTILINE)
    return dict(found)


def test_the_cdk_command_line_is_exact_and_its_lock_names_no_address():
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = (ROOT / "package-lock.json").read_text("utf-8")
    assert package["devDependencies"] == {"aws-cdk": "2.1148.1"}
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_the_peers_of_the_benchmarks_are_exact_and_their_locks_name_no_address():
    peers = ROOT / "bench/peers"
    package = json.loads((peers / "package.json").read_text("utf-8"))
    lock = (peers / "package-lock.json").read_text("utf-8")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", v) for v in package["dependencies"].values())
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') >= len(package["dependencies"])


def test_continuous_integration_runs_what_developers_run():
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert re.findall(r"^exec (.+)$", script, re.MULTILINE) == ["make test"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_make_lists_its_commands():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    commands = re.findall(r"^  make ([a-z]+) ", listed.stdout, re.MULTILINE)
    assert {"setup", "check", "test", "demo", "lock", "format", "clean", "bench"} <= set(commands)


def test_setup_without_a_new_enough_python_names_the_cure(tmp_path: Path):
    # Given a checkout without environments
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    # When set-up is told to use a Python that will not do
    done = subprocess.run(
        ["make", "setup", "PYTHON=false"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    # Then it fails and says what to do
    assert done.returncode != 0
    assert "Python 3.11 or newer" in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_the_licence_is_the_one_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def _own_name() -> str:
    return Path(__file__).relative_to(ROOT).as_posix()


#: By the rule that refuses it: what makes code or files of data that may have come from outside.
_RISKY = {
    "S301": "pickle.loads(b'')",
    "S302": "marshal.loads(b'')",
    "S506": "yaml.load('')",
    "S307": "eval('1')",
    "S202": "tarfile.open('x').extractall()",
}


def test_data_that_becomes_code_or_files_is_refused_by_the_linter_and_nowhere_allowed():
    code = "\n".join(["import marshal, pickle, tarfile, yaml", *_RISKY.values(), ""])
    for room in ("muster", "stacks", "ecs_listener", "lambdas/register", "local", "bench"):
        options = ("--no-cache", "--output-format=concise", "--stdin-filename", f"{room}/new.py")
        found = subprocess.run(
            [Path(sys.executable).with_name("ruff"), "check", *options],
            input=code,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert {rule for rule in _RISKY if f" {rule} " in found.stdout} == set(_RISKY), room
    allowed = re.compile(rf"noqa:[^#]*\b({'|'.join(_RISKY)})\b")
    assert [n for n, text in _texts() if allowed.search(text) and n != _own_name()] == []
