"""No credential is in the tree; what only looks like one is listed, with the reason."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.credentials import Suspect, suspects

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ROOT / "tests" / "credentials.toml"

#: Locks of packages and certificates hold digests, thousands of them, and only that.
_LOCKS = ("requirements.txt", "package-lock.json", ".pem")


def in_the_tree() -> dict[str, str]:
    """The text of every file that is committed, or may be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    texts: dict[str, str] = {}
    for name in listed.stdout.splitlines():
        is_lock = name.endswith(_LOCKS) or (
            name.startswith("requirements/") and name.endswith(".txt")
        )
        if is_lock or ROOT / name == KNOWN or not (ROOT / name).is_file():
            continue
        try:
            texts[name] = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            continue  # an image, or a document in another encoding
    return texts


def known() -> set[Suspect]:
    return {
        Suspect(file=entry["file"], kind=entry["kind"], digest=digest)
        for entry in tomllib.loads(KNOWN.read_text())["known"]
        for digest in entry["digests"]
    }


def test_the_tree_holds_no_credential_but_what_is_known_to_be_none():
    found = suspects(in_the_tree())
    # Either it is taken out, or it is listed with the reason why it opens nothing
    assert found - known() == set()
    # And each entry is needed: without it this would fail
    assert known() - found == set()


def test_each_known_one_has_its_reason():
    for entry in tomllib.loads(KNOWN.read_text())["known"]:
        assert len(entry["reason"]) >= 20, entry


@pytest.mark.parametrize(
    "line",
    [
        "AWS_KEY = 'AKIA" + "IOSFODNN7EXAMPLX'",
        "url = 'postgresql://muster:" + "hunter2-Long@database/muster'",
        "password = '" + "Tr0ub4dor-and-3'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "key = '" + "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc'",
    ],
)
def test_what_is_a_credential_is_found(line: str):
    assert suspects({"settings.py": f"import os\n{line}\n"})
