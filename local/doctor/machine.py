"""This machine's tools, as far as Muster uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.checkout import Checkout
from local.doctor.version import Version, parse_version

#: Seconds that a program may take to say its version.
_PATIENCE = 20
#: What `make setup` marks when it is done, below the checkout's root.
_MARKS = (
    ".venv/.installed",
    "node_modules/.installed",
    ".muster/emulator/.installed",
    ".muster/wheelhouse/.installed",
)
#: Names another program that builds images, for the CDK.
DOCKER_VARIABLE = "CDK_DOCKER"


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Versions of programs; None: there is no such program, or it does not say."""

    python: Version
    git: Version | None
    #: Of the environment, which synth uses.
    node: Version | None
    #: Of the search path, which `npx` uses.
    node_on_path: Version | None
    #: Of the checkout, which `npx cdk` uses.
    cdk: Version | None
    #: Of the search path, which `cdk` uses.
    cdk_on_path: Version | None
    #: What package.json names.
    cdk_pinned: Version
    #: The program that would build images.
    docker: str
    #: Of the server that would build them.
    docker_server: Version | None
    #: What set-up has not made.
    unmade: tuple[str, ...]

    @classmethod
    def look(cls, checkout: Checkout, environ: Mapping[str, str]) -> Self:
        """Ask the programs."""
        search = environ.get("PATH", "")
        docker = environ.get(DOCKER_VARIABLE) or "docker"
        named: dict[str, dict[str, str]] = json.loads((checkout.root / "package.json").read_text())
        pinned = parse_version(named["devDependencies"]["aws-cdk"])
        if pinned is None:
            raise ValueError("package.json names no version of aws-cdk")
        return cls(
            python=sys.version_info[:3],
            git=_asked("git", "--version", search=search),
            node=_asked(str(checkout.tools / "node"), "--version", search=search),
            node_on_path=_asked("node", "--version", search=search),
            cdk=_installed(checkout.root / "node_modules" / "aws-cdk" / "package.json"),
            cdk_on_path=_asked("cdk", "--version", search=search),
            cdk_pinned=pinned,
            docker=docker,
            docker_server=_asked(
                docker, "version", "--format", "{{.Server.Version}}", search=search
            ),
            unmade=tuple(mark for mark in _MARKS if not (checkout.root / mark).exists()),
        )


def _installed(package: Path) -> Version | None:
    try:
        return parse_version(json.loads(package.read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _asked(program: str, *arguments: str, search: str) -> Version | None:
    """What the program says of its version."""
    found = shutil.which(program, path=search)
    if found is None:
        return None
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout) if done.returncode == 0 else None
