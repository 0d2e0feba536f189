"""`muster` commands on the cloud of the game, in this process: starting one for each would take a second."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

from muster.cli import main
from tests.support.deployed import DeployedCopy


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """How a command ended."""

    command: str
    code: int
    out: str
    #: What it said on stderr.
    told: str


def muster(copy: DeployedCopy, arguments: Sequence[str], *, database_url: str) -> Said:
    """Run one command."""
    out, told = io.StringIO(), io.StringIO()
    environ = {**copy.aws.variables(), "DATABASE_URL": database_url}
    with _account(environ), redirect_stdout(out), redirect_stderr(told):
        code = main(list(arguments), environ=dict(environ))
    return Said(
        command=f"muster {' '.join(arguments)}",
        code=code,
        out=out.getvalue(),
        told=told.getvalue(),
    )


@contextmanager
def _account(environ: dict[str, str]) -> Iterator[None]:
    """The SDK reads the process's own variables."""
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
