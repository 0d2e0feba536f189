"""Clients of AWS with bounded waits. botocore costs a tenth of a second, so it is imported on first use.

They are the clients that boto3 would make, and no more of boto3 is needed for that than botocore.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from muster.errors import ConfigurationError

#: Time to reach a service, in seconds.
CONNECT_TIMEOUT = 2

#: Calls that botocore makes before it gives up, the first one included; its pauses stay under 1 s + 2 s.
TOTAL_ATTEMPTS = 3

# Making a client reads and caches files of botocore's; two threads must not do it at once.
_lock = threading.Lock()


def make_client(service: str, *, read_timeout: float) -> Any:
    """A client of `service`; region, endpoint and credentials come from the usual places.

    Args:
        service: botocore's name of it, e.g. `sqs`.
        read_timeout: longest silence of the service within one try, in seconds.

    Raises:
        ConfigurationError: no region is set.
    """
    from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]  # it ships none
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        NoRegionError,
    )

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS},
        tcp_keepalive=True,
        user_agent_extra="muster",
    )
    with _lock:
        try:
            return new_session().create_client(service, config=config)
        except NoRegionError as exc:
            raise ConfigurationError("No AWS region is set. Set AWS_DEFAULT_REGION.") from exc


def new_session() -> Any:
    """A session of botocore's that has looked up nothing yet: it remembers settings and credentials it finds.

    All sessions of a process share what does not change: botocore's files, which name every region and
    service, and which each would read and parse anew.
    """
    import botocore.session  # pyright: ignore[reportMissingTypeStubs]  # it ships none

    sessions: Any = botocore.session
    session = sessions.Session()
    session.register_component("data_loader", _files(session.get_config_variable("data_path")))
    return session


@cache
def _files(data_path: str | None) -> Any:
    import botocore.loaders  # pyright: ignore[reportMissingTypeStubs]  # it ships none

    loaders: Any = botocore.loaders
    return loaders.create_loader(data_path)
