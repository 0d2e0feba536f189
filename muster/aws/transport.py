"""How SQS is spoken to: by boto3, or by the fast transport in its place."""

from __future__ import annotations

from enum import StrEnum

from muster.aws.sqs import READ_TIMEOUT, Queues
from muster.errors import ConfigurationError


class Transport(StrEnum):
    """Both do the same; see `docs/guides/sqs-transport.md`."""

    #: Knows every way to reach AWS, proxies included.
    BOTO3 = "boto3"
    #: A fraction of the CPU time for each message.
    FAST = "fast"


def quickest_queues() -> Queues:
    """Queues by `fast`, or by boto3 where only that finds the way.

    Raises:
        ConfigurationError: no region is set.
    """
    try:
        return queues_by(Transport.FAST)
    except ConfigurationError:
        return queues_by(Transport.BOTO3)


def queues_by(transport: str) -> Queues:
    """Queues by the transport of that name.

    Raises:
        ConfigurationError: there is no such transport, no region, or a proxy that `fast` cannot use.
    """
    match transport:
        case Transport.BOTO3:
            return Queues()
        case Transport.FAST:
            from muster.aws.fast.opening import open_fast

            return Queues(client=open_fast(patience=READ_TIMEOUT))
        case _:
            known = ", ".join(Transport)
            raise ConfigurationError(
                f"The SQS transport {transport!r} is unknown. Set one of: {known}."
            )
