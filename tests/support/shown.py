"""Commands that a document shows, and a shell that types them as its reader would."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cloud import wait_for
from tests.support.gameday.page import pages
from tests.support.source import ROOT, tracked_files

#: Seconds for one command on a busy machine, and for a line that is typed again until it says what it must.
_PATIENCE = 3600
_AGAIN = 600

#: Documents whose commands have a test of their own, which reads them there.
ELSEWHERE = {
    "README.md": "tests/e2e/test_new_engineer.py",
    "docs/runbooks/one-machine.md": "tests/e2e/test_new_engineer.py",
    "docs/guides/configuration-of-agents.md": "tests/integration/test_config_guide.py",
    "docs/guides/lanes.md": "tests/integration/slots/test_lanes_guide.py",
    "docs/guides/migrating-a-worker.md": "tests/integration/test_migrating_guide.py",
    "docs/guides/webhooks.md": "tests/integration/test_webhooks_guide.py",
    **{f"docs/runbooks/{page}.md": "tests/e2e/test_gameday.py" for page in pages()},
    "docs/runbooks/failed-deploy.md": "tests/e2e/test_redeploy.py",
}


def documents_with_commands() -> list[str]:
    """Every document that shows one, by its path from the root."""
    pages = [path for path in tracked_files() if path.suffix == ".md"]
    return [path.relative_to(ROOT).as_posix() for path in pages if commands_of(path)]


def commands_of(document: Path) -> list[str]:
    """The lines of all blocks of shell that the document shows, in order."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [line for block in blocks for line in block.splitlines() if line]


@dataclass(kw_only=True)
class Shell:
    """A terminal in a folder; what it exports stays."""

    folder: Path
    environment: Mapping[str, str]
    #: What was exported, as it was typed.
    exported: list[str] = field(default_factory=list)

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run one line to its end."""
        if command.startswith("export "):
            self.exported.append(command)
        begun = time.monotonic()
        done = subprocess.run(
            ["sh", "-c", "\n".join([*self.exported, command])],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        print(f"{time.monotonic() - begun:6.1f} s  {command}")  # shown by `pytest -rP`
        return done

    def succeed(self, command: str, satisfied: Callable[[str], bool] | None = None) -> str:
        """What the line says: it must succeed at once, or with `satisfied` as soon as it says what it must.

        A job takes a moment to arrive; its reader would type the line again, too.
        """
        done = self.type(command)
        if satisfied is None:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            return done.stdout
        said: list[str] = [done.stdout]

        def succeeds() -> bool:
            again = self.type(command)
            said.append(again.stdout)
            return again.returncode == 0 and satisfied(again.stdout)

        if not (done.returncode == 0 and satisfied(done.stdout)):
            wait_for(succeeds, what=f"{command}: {said[0]}", timeout=_AGAIN)
        return said[-1]
