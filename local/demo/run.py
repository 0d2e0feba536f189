"""The demo from deploy to verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local.cloud import Cloud
from local.demo.ground import Ground
from local.demo.show import Show
from local.state import CloudState
from muster.store.reader import reading
from muster.store.settings import DatabaseSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """One run. `say` takes lines of progress."""

    cloud: Cloud
    say: Callable[[str], None]

    def run(self) -> dict[str, Any]:
        """Deploy, send, wait, check; return what `muster demo --json` prints.

        Raises:
            LocalCloudError: the cloud could not be brought up, or lacks what the demo needs.
        """
        begun = time.monotonic()
        state = self.cloud.up()
        deployed = time.monotonic()
        ground = Ground.of(self.cloud, state)
        self._list_registry(state)
        show = Show(ground=ground, run=uuid4().hex[:8], begun=datetime.now(UTC), say=self.say)
        return {
            **show.play(),
            "deploy_seconds": round(deployed - begun, 1),
            "total_seconds": round(time.monotonic() - begun, 1),
        }

    def _list_registry(self, state: CloudState) -> None:
        settings = DatabaseSettings.from_url(state.database_url)
        with reading(settings, topic="agents") as reader:
            rows = reader.rows("list_agents", {"all": False})
        self.say("The registry:")
        for row in rows:
            self.say(f"  {row['agent_id']} {row['agent_version']}: {row['description']}")
