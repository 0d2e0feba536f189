"""A deployed copy of this checkout in a local cloud of its own, which tests may change and deploy again."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local.aws import LocalAws
from local.checkout import Checkout
from tests.support.cloud import CloudFolder

#: What a checkout consists of, as far as a deploy needs it.
_PARTS = (
    "app.py", "cdk.json", "muster", "stacks", "lambdas", "ecs_listener", "local", "requirements",
    "Makefile", "package.json", "package-lock.json", "pyproject.toml",
)  # fmt: skip
#: What set-up made; shared, since it is only read.
_SHARED = (".venv", "node_modules", ".muster/emulator", ".muster/wheelhouse")
#: What copies share and write to, each file by its content's digest: what synths have validated, and zipped
#: code and layers.
_VALIDATED = ".muster/validated"
_ZIPPED = ".muster/zipped"


@dataclass(kw_only=True)
class DeployedCopy(CloudFolder):
    """A copy of the checkout; `path` is its root, and its state is inside."""

    @property
    def checkout(self) -> Checkout:
        return Checkout(root=self.path, state=self.path / ".muster" / "local")

    @property
    def agents(self) -> Path:
        """Folder of the shipped agents."""
        return self.path / "lambdas" / "agents"

    @cached_property
    def described(self) -> dict[str, Any]:
        """What `muster env --json` says; read anew after `up`."""
        shown = self.muster("env", "--json")
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)

    @property
    def aws(self) -> LocalAws:
        return LocalAws(endpoint=self.described["aws"]["endpoint_url"])

    def up(self) -> dict[str, Any]:
        """`muster up --json`, which must work."""
        done = self.muster("up", "--json")
        assert done.returncode == 0, done.stderr
        self.__dict__.pop("described", None)
        return json.loads(done.stdout)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query on the cloud's database; what it changes is committed."""
        connection = psycopg2.connect(self.described["database_url"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def copy_checkout(target: Path) -> DeployedCopy:
    """Copy what a deploy needs, and link what set-up made."""
    root = Checkout.locate().root
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in _PARTS:
        source = root / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=ignored)
        else:
            shutil.copy2(source, target / part)
    link_environments(target)
    return DeployedCopy(path=target)


def link_environments(target: Path) -> None:
    """Share what set-up made in this checkout with another one."""
    root = Checkout.locate().root
    synthesised = Checkout(root=target, state=target / ".muster" / "local").synthesised
    synthesised.mkdir(parents=True)
    for part in (_VALIDATED, _ZIPPED):
        (root / part).mkdir(exist_ok=True)
    # Where the CDK's command line keeps what it has zipped.
    (synthesised / ".cache").symlink_to(root / _ZIPPED)
    for part in (*_SHARED, _VALIDATED):
        (target / part).symlink_to(root / part)


def until(program: subprocess.Popen[str], text: str) -> None:
    """Read the program's output up to a line with this text."""
    assert program.stdout is not None
    lines: list[str] = []
    for line in program.stdout:
        lines.append(line)
        if text in line:
            return
    raise AssertionError(f"{text!r} never came: {lines}")


@pytest.fixture(scope="session")
def deployed() -> Iterator[DeployedCopy]:
    """The session's deployed copy. Tests leave it as they found it: files restored, and deployed."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-copy-"))
    copy = copy_checkout(folder)
    try:
        copy.up()
        yield copy
        copy.cloud.down()
        assert not copy.processes(), "left running after `down`"
    finally:
        copy.kill()
        shutil.rmtree(folder, ignore_errors=True)
