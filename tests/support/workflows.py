"""GitHub's workflows, read from their files, and their shell steps run as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.source import ROOT

FOLDER = ROOT / ".github" / "workflows"
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a job, with the environment that workflow, job and step give it."""

    workflow: str
    job: str
    body: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def run(self) -> str:
        """Its shell text; empty where it uses an action."""
        return str(self.body.get("run", "")).strip()

    @property
    def uses(self) -> str:
        return str(self.body.get("uses", ""))

    @property
    def condition(self) -> str:
        return str(self.body.get("if", ""))


def workflows() -> dict[str, dict[str, Any]]:
    """Every workflow by its file's name, as YAML reads it (`on` is True there)."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}


def steps(workflow: str | None = None) -> Iterator[Step]:
    """Every step of every job, in order."""
    for name, body in workflows().items():
        if workflow in (None, name):
            for job_name, job in body["jobs"].items():
                for step in job.get("steps", ()):
                    environment = {
                        key: str(value)
                        for level in (body, job, step)
                        for key, value in level.get("env", {}).items()
                    }
                    yield Step(workflow=name, job=job_name, body=step, environment=environment)


def execute(
    step: Step, *, values: Mapping[str, str], directory: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a step's shell text as a runner does: `bash -eo pipefail`, expressions in its environment replaced.

    Args:
        values: what each expression, such as `inputs.stage`, is.

    Raises:
        KeyError: an expression has no value.
    """
    own = {
        name: _EXPRESSION.sub(lambda found: values[found.group(1)], text)
        for name, text in step.environment.items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.run],
        cwd=directory,
        env={**os.environ, **environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
