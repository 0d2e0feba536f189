"""Replays a Dockerfile without Docker: its COPY and RUN steps, in a folder that stands for the root.

Only what ours uses is understood; anything else is an error, so that no step is left out unseen. Absolute
paths of ENV and COPY are taken below the folder; RUN steps must use relative ones, or variables.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_ASSIGNMENT = re.compile(r'(\w+)=("[^"]*"|\S*)')


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One instruction."""

    name: str
    value: str


def read(dockerfile: Path) -> list[Step]:
    """The instructions of a file, in order."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in whole.splitlines() if line.strip()]
    return [Step(name=name, value=re.sub(r"\s{2,}", " ", value)) for name, value in found]


@dataclass(kw_only=True)
class Replay:
    """An image as a folder.

    Args:
        context: folder that COPY copies from.
        root: an empty folder.
        host: environment of the RUN steps, beneath what the file itself sets.
        build_args: values of ARG.
    """

    context: Path
    root: Path
    host: Mapping[str, str]
    build_args: Mapping[str, str] = field(default_factory=dict[str, str])
    base: str = ""
    user: str = ""
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    volumes: list[str] = field(default_factory=list[str])
    entrypoint: list[str] = field(default_factory=list[str])
    command: list[str] = field(default_factory=list[str])
    _args: dict[str, str] = field(default_factory=dict[str, str])

    def play(self, steps: list[Step]) -> None:
        """Take every step.

        Raises:
            AssertionError: an instruction that is not understood, or a RUN that failed.
        """
        for step in steps:
            assert step.name in _TAKEN, f"{step.name} is not understood; teach it to {__file__}"
            _TAKEN[step.name](self, step.value)

    def inside(self, path: str) -> Path:
        """Where a path of the image is."""
        absolute = path if path.startswith("/") else f"{self.workdir}/{path}"
        return self.root / absolute.strip("/")

    def _from(self, value: str) -> None:
        assert not self.base, "one stage is understood"
        self.base = value

    def _env(self, value: str) -> None:
        for name, text in _ASSIGNMENT.findall(value):
            parts = text.strip('"').split(":")
            # `:all:` is no list of paths, and stays what it is.
            mapped = [str(self.inside(p)) if p.startswith("/") else p for p in parts]
            self.environment[name] = ":".join(mapped)

    def _workdir(self, value: str) -> None:
        self.workdir = value
        self.inside(".").mkdir(parents=True, exist_ok=True)

    def _copy(self, value: str) -> None:
        *sources, target = value.split()
        for source in sources:
            found, place = self.context / source, self.inside(target)
            assert found.exists(), f"COPY {source}: not in the build's folder"
            if found.is_dir():
                shutil.copytree(found, place, dirs_exist_ok=True)
            else:
                place = place / found.name if target.endswith("/") else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, place)

    def _arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        self._args[name] = self.build_args.get(name, default.strip('"'))

    def _run(self, value: str) -> None:
        done = subprocess.run(
            ["sh", "-c", value],
            cwd=self.inside("."),
            env={**self.host, **self.environment, **self._args},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {value}\n{done.stdout}{done.stderr}"

    def _user(self, value: str) -> None:
        self.user = value

    def _volume(self, value: str) -> None:
        self.volumes = json.loads(value)
        for volume in self.volumes:
            self.inside(volume).mkdir(parents=True, exist_ok=True)

    def _entrypoint(self, value: str) -> None:
        self.entrypoint = json.loads(value)

    def _cmd(self, value: str) -> None:
        self.command = json.loads(value)


_TAKEN = {
    "FROM": Replay._from,
    "ENV": Replay._env,
    "WORKDIR": Replay._workdir,
    "COPY": Replay._copy,
    "ARG": Replay._arg,
    "RUN": Replay._run,
    "USER": Replay._user,
    "VOLUME": Replay._volume,
    "ENTRYPOINT": Replay._entrypoint,
    "CMD": Replay._cmd,
}
