"""A change of an agent's config that its jobs take up, without a deploy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local.demo.schedule import AGENT, Fire
from local.errors import LocalCloudError

KEY = "tone"


def change(*, run: str, program: Path, environment: Mapping[str, str]) -> None:
    """Set the key to this run's value, as an operator does.

    Raises:
        LocalCloudError: the command failed; says why.
    """
    # Quoted: a run whose name has digits only would be a number.
    value = f"{KEY}={json.dumps(run)}"
    command = [str(program), "config", "set", AGENT, value, "--by", "demo"]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalCloudError(f"{' '.join(command)}: {done.stderr.strip()}")


@dataclass(kw_only=True, slots=True)
class ConfigChange:
    """Watches for a fire of the schedule whose job ran with the new value."""

    read: Callable[[], list[Fire]]
    begun: datetime
    run: str
    #: The planned time of the first job that had the new value.
    taken_up: datetime | None = None

    what = "a job with the changed config"

    def over(self) -> bool:
        if self.taken_up is None:
            self.taken_up = next(
                (
                    fire.scheduled_for
                    for fire in self.read()
                    if fire.scheduled_for >= self.begun and (fire.result or {}).get(KEY) == self.run
                ),
                None,
            )
        return self.taken_up is not None

    @property
    def seconds(self) -> float | None:
        """From the change to the planned time of that job."""
        if self.taken_up is None:
            return None
        return round((self.taken_up - self.begun).total_seconds(), 1)

    def problems(self) -> list[str]:
        if self.taken_up is not None:
            return []
        return [f"{AGENT} ({self.what}): no job had {KEY} = {self.run!r}"]
