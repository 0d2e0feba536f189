"""The `muster` program of a checkout: the local cloud's commands and the runtime's.

The runtime does not know of `local`, so the two meet here, and a runtime command run without
DATABASE_URL acts on the local cloud.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from local.commands import COMMANDS
from muster.cli import main as run


def _local_environment() -> Mapping[str, str]:
    from local.cloud import Cloud
    from local.environment import exports

    return exports(Cloud.of_checkout().state())


def _local_api() -> str | None:
    from local.cloud import Cloud
    from local.environment import describe

    return describe(Cloud.of_checkout().state()).get("api_url")


def _local_log(agent: str) -> Path:
    from local.checkout import Checkout

    return Checkout.locate().listener_log(agent)


def main() -> int:
    """Run one command; return its exit code."""
    return run(
        extra=COMMANDS,
        fallback=_local_environment,
        locate_api=_local_api,
        locate_log=_local_log,
    )


if __name__ == "__main__":
    sys.exit(main())
