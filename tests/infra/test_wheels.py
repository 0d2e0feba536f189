"""Layers are unpacked from wheels whose hashes the lock names, and from nothing else."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from muster.errors import ConfigurationError
from stacks.wheels import find_wheels, read_lock, unpack, unpacked_bytes

LINUX = {"python_version": "3.14", "sys_platform": "linux"}


def wheel(folder: Path, name: str, files: Mapping[str, str]) -> Path:
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return file


def lock(folder: Path, *lines: str) -> Path:
    file = folder / "requirements.txt"
    file.write_text("\n".join(["# a lock", *lines, ""]))
    return file


def pin(file: Path, marker: str = "") -> str:
    name = file.name.split("-")[0]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{name}==1.0{marker} \\\n    --hash=sha256:{digest}\n    # via something"


def test_packages_are_unpacked_side_by_side(tmp_path: Path):
    # Given two wheels, one of which keeps its package under .data
    one = wheel(tmp_path, "one", {"one/__init__.py": "1", "one-1.0.dist-info/METADATA": "m"})
    two = wheel(
        tmp_path,
        "Two_Words",
        {
            "two_words-1.0.data/purelib/two/__init__.py": "2",
            "two_words-1.0.data/scripts/two": "#!/bin/sh",
        },
    )
    requirements = lock(tmp_path, pin(one), pin(two))
    # When they are found and unpacked
    wheels = find_wheels(requirements, wheelhouse=tmp_path, environment=LINUX)
    unpack(wheels, target=tmp_path / "python")
    # Then both packages are there, and the script is not
    files = {
        p.relative_to(tmp_path / "python").as_posix() for p in (tmp_path / "python").rglob("*.*")
    }
    assert {"one/__init__.py", "two/__init__.py"} <= files
    assert not any("scripts" in file for file in files)
    assert unpacked_bytes(wheels) == len("1m") + len("2#!/bin/sh")


def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path):
    # Given a wheel that changed after it was locked
    one = wheel(tmp_path, "one", {"one.py": "good"})
    requirements = lock(tmp_path, pin(one))
    wheel(tmp_path, "one", {"one.py": "evil"})
    # Then it is named, with the cure
    with pytest.raises(ConfigurationError, match=r"one==1\.0 \(its content.*make setup"):
        find_wheels(requirements, wheelhouse=tmp_path, environment=LINUX)


def test_every_missing_wheel_is_named(tmp_path: Path):
    digest = "0" * 64
    requirements = lock(
        tmp_path, f"one==1.0 --hash=sha256:{digest}", f"two==2.0 --hash=sha256:{digest}"
    )
    with pytest.raises(ConfigurationError, match=r"one==1\.0, two==2\.0; run `make setup`"):
        find_wheels(requirements, wheelhouse=tmp_path, environment=LINUX)


def test_what_does_not_apply_to_the_target_is_left_out(tmp_path: Path):
    one = wheel(tmp_path, "one", {"one.py": "1"})
    two = wheel(tmp_path, "two", {"two.py": "2"})
    requirements = lock(
        tmp_path, pin(one, ' ; sys_platform == "win32"'), pin(two, ' ; python_version >= "3.9"')
    )
    assert find_wheels(requirements, wheelhouse=tmp_path, environment=LINUX) == [two]


@pytest.mark.parametrize("line", ["one>=1.0", "one==1.0", "-r other.txt", "--index-url x"])
def test_a_line_that_is_not_pinned_is_refused(tmp_path: Path, line: str):
    with pytest.raises(ConfigurationError, match="generate-hashes"):
        read_lock(lock(tmp_path, line))


@pytest.mark.parametrize("path", ["../escape.py", "/etc/escape.py", "a/../../escape.py"])
def test_a_wheel_cannot_write_outside_its_folder(tmp_path: Path, path: str):
    evil = wheel(tmp_path, "evil", {path: "x"})
    with pytest.raises(ConfigurationError, match="refuses to unpack"):
        unpack([evil], target=tmp_path / "python")
    assert not (tmp_path / "escape.py").exists()
