"""boto3 clients with bounded waits. boto3 costs hundreds of milliseconds, so it is imported on first use."""

from __future__ import annotations

import threading
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
        service: boto3's name of it, e.g. `sqs`.
        read_timeout: longest silence of the service within one try, in seconds.

    Raises:
        ConfigurationError: no region is set.
    """
    import boto3.session  # pyright: ignore[reportMissingTypeStubs]  # it ships none
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
            session: Any = boto3.session.Session()
            return session.client(service, config=config)
        except NoRegionError as exc:
            raise ConfigurationError("No AWS region is set. Set AWS_DEFAULT_REGION.") from exc
