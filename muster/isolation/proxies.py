"""What a job holds in a process of its own: the same things, done by its worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from muster.isolation.channel import Channel, WrongProcess
from muster.isolation.frame import encoded, framed
from muster.isolation.telling import STANDARD


class RemoteTables:
    """A `muster.database.JobDatabase` whose statements the worker runs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """See `muster.database.JobDatabase.run`."""
        message = {"kind": "statement", "name": name, "params": params or {}}
        return [tuple(row) for row in self._channel.ask(encoded(message))]


class Tally(dict[str, int]):
    """Counts that the worker knows at once: they are kept also when this process is killed."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def __setitem__(self, name: str, amount: int) -> None:
        super().__setitem__(name, amount)
        self._channel.send({"kind": "count", "name": name, "amount": amount})


def remote_checkpoint(channel: Channel, state: Any) -> None:
    """Persist progress.

    Raises:
        TypeError, ValueError: it is not JSON.
        MusterError: the worker could not.
    """
    from muster.store.document import bounded_document

    text = bounded_document(state)
    channel.ask(framed(f'{{"kind":"checkpoint","state":{text}}}'.encode()))


def remote_log(channel: Channel, *, level: int) -> logging.Logger:
    """A logger whose lines the worker writes."""
    log = logging.Logger("muster.job", level)  # noqa: LOG001 - it has nothing to do with the agent's own loggers
    log.addHandler(_Forwarding(channel))
    return log


class _Forwarding(logging.Handler):
    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info:
            extra["exception"] = logging.Formatter().formatException(record.exc_info)
        try:
            message = {
                "kind": "log",
                "level": record.levelno,
                "message": record.getMessage(),
                "extra": {str(name): _shown(value) for name, value in extra.items()},
            }
            self._channel.send(message)
        except WrongProcess:
            if logging.lastResort is not None:
                logging.lastResort.handle(record)
        except Exception:  # noqa: BLE001 - as every handler of the standard library: telling fails, the job goes on
            self.handleError(record)


def _shown(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
