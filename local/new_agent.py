"""Makes an agent's folder: either whole and accepted by synth, or not at all."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.agent_template import files
from muster.cli.errors import UsageError
from muster.manifest import ManifestError, parse_duration
from muster.manifest.parse import ID_PATTERN, parse

#: Where agents of every stage are.
HOME = "lambdas/agents"
_LONGEST = 63


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAgent:
    """An agent that is to be made below `root`.

    Args:
        compute: `lambda` or `fargate`.
        schedule: five fields of cron, or a duration such as `15m`; None: nothing starts by itself.
        homes: folders of agents, relative to `root`; a name is free in all of them.
    """

    root: Path
    name: str
    compute: str = "lambda"
    schedule: str | None = None
    homes: Sequence[str] = (HOME,)

    def make(self) -> list[Path]:
        """Write its files; return them, the manifest first.

        Raises:
            UsageError: the name is none or taken, or the schedule is no text of a manifest.
            ManifestError: synth would refuse the schedule.
        """
        self._check_name()
        contents = files(self.name, compute=self.compute, rule=self._rule())
        self._check_manifest(contents["agent.toml"])
        return self._write(contents)

    def _check_name(self) -> None:
        if re.fullmatch(ID_PATTERN, self.name) is None:
            near = re.sub("[^a-z0-9]+", "-", self.name.lower()).strip("-0123456789")[:_LONGEST]
            hint = f", such as {near}" if re.fullmatch(ID_PATTERN, near) else ""
            raise UsageError(
                f"{self.name!r} is no agent's name: use 2 to {_LONGEST} small letters, digits and hyphens, "
                f"a letter first{hint}"
            )
        for home in self.homes:
            if (self.root / home / self.name).exists():
                raise UsageError(
                    f"{home}/{self.name} is there already: choose another name, or remove that folder"
                )

    def _rule(self) -> tuple[str, str] | None:
        if self.schedule is None:
            return None
        if not (self.schedule.isascii() and self.schedule.isprintable()):
            raise UsageError(
                f"--schedule {self.schedule!r}: use five fields of cron, such as '0 * * * *', or a "
                "duration, such as 15m"
            )
        try:
            parse_duration(self.schedule)
        except ValueError:
            return "cron", self.schedule
        return "every", self.schedule

    def _check_manifest(self, text: str) -> None:
        _, problems = parse(tomllib.loads(text), file=f"{HOME}/{self.name}/agent.toml")
        if problems:
            raise ManifestError(problems)

    def _write(self, contents: dict[str, str]) -> list[Path]:
        folder = self.root / HOME / self.name
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            raise UsageError(f"{folder} has just been made by somebody else") from error
        try:
            for name, text in contents.items():
                (folder / name).write_text(text, encoding="utf-8")
        except BaseException:  # half an agent would stop every synth
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return [folder / name for name in contents]
