"""The types of the whole source, checked beside the other tests as `make static` checks them by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.source import ROOT


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "types"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_type_checker_finds_nothing():
    done = checked(ROOT)
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)


def test_it_would_say_what_is_wrong_and_where(tmp_path: Path):
    # Given a checkout of one module, which returns what it does not say
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "muster").mkdir()
    (tmp_path / "muster" / "wrong.py").write_text('def number() -> int:\n    return "one"\n')
    # When its types are checked
    done = checked(tmp_path)
    # Then that fails, and says so
    assert done.returncode != 0
    assert "wrong.py:2:12 - error" in done.stdout
