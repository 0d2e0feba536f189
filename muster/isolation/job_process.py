"""The process of one job: it gets the job from its worker, runs the agent's function, says how it ended."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any, NoReturn

from muster.execution.deadline import DeadlineReached
from muster.isolation.channel import Channel
from muster.isolation.fault import described
from muster.isolation.frame import FrameTooLong, encoded, framed
from muster.isolation.proxies import RemoteTables, Tally, remote_checkpoint, remote_log
from muster.job import Job
from muster.outbound import Outbound


def run(ask: int, answer: int) -> NoReturn:
    """Run the job that comes through `answer`; this process ends here.

    Nothing that the agent leaves behind runs on: no threads, no exit handlers.
    """
    own = os.getpid()
    status = 1
    try:
        _stand_alone()
        channel = Channel(ask, answer)
        told = channel.receive()
        _limit_memory(told["memory_bytes"])
        signal.signal(signal.SIGTERM, _stop)
        last = _outcome(told, channel)
        if os.getpid() == own:  # otherwise a copy that the agent forked and let return
            channel.send_last(last)
        status = 0
    except BaseException:  # noqa: BLE001 - its stack is all that the worker gets to see of it
        traceback.print_exc()
    finally:
        os._exit(status)


def _outcome(told: dict[str, Any], channel: Channel) -> bytes:
    """The last message: a result or an error."""
    from muster.execution.result import ResultTooLarge, result_text

    try:
        text = result_text(_function(told)(_job(told, channel)))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _lift_limits()
        try:
            last = framed(f'{{"kind":"result","result":{text}}}'.encode())
        except FrameTooLong as problem:
            raise ResultTooLarge(
                f"the result is too large to return ({problem}); put it into a bucket and return its key"
            ) from problem
    except BaseException as error:  # noqa: BLE001 - agents raise anything, and their worker wants to know
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _lift_limits()
        last = encoded({"kind": "fault", "fault": described(error)})
    with suppress(Exception):  # it is the agent's to replace, close or break
        sys.stdout.flush()
    return last


def _function(told: dict[str, Any]) -> Any:
    from muster.agent_loader import load_agent

    return load_agent(Path(told["folder"]))


def _job(told: dict[str, Any], channel: Channel) -> Job:
    deadline = told["deadline"]
    return Job(
        id=told["id"],
        params=told["params"],
        config=MappingProxyType(told["config"]),
        secrets=told["secrets"],
        attempt=told["attempt"],
        tenant=told["tenant"],
        traceparent=told["traceparent"],
        deadline=None if deadline is None else datetime.fromisoformat(deadline),
        log=remote_log(channel, level=told["level"]),
        state=told["state"],
        save=lambda state: remote_checkpoint(channel, state),
        database=RemoteTables(channel),
        outbound=_outbound(told["outbound"]),
        counters=Tally(channel),
    )


def _outbound(told: dict[str, Any]) -> Outbound:
    return Outbound(
        egress=told["egress"],
        external=told["external"],
        addresses=tuple(told["addresses"]),
        ports=tuple(told["ports"]),
    )


def _stand_alone() -> None:
    """Become a process that shares as little as can be with the guard that forked it."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # A core dump would hold the secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where memory ends, this process goes before its worker; only Linux knows the file.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    faulthandler.enable()


def _limit_memory(most: int | None) -> None:
    """Private memory, not addresses: libraries reserve many that they never touch."""
    if most is not None and sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _lift_limits() -> None:
    """Whatever the agent used up, there is enough to tell of it."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """The worker stops the job: the agent gets a moment to tidy up."""
    raise DeadlineReached
