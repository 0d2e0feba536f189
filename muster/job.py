"""What an agent is handed, and how a function is marked as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from muster.database import JobDatabase, NoTables
from muster.outbound import Outbound

if TYPE_CHECKING:
    from muster.safe_http import Policy, SafeHttp

#: What an agent returns: anything JSON can hold, or None.
Result = Any

_Function = TypeVar("_Function", bound=Callable[..., Result])

#: Attribute that marks the one function of a folder that is its agent.
AGENT_MARK = "__muster_agent__"


def agent(function: _Function) -> _Function:
    """Mark the function that is the agent of its folder. It takes a `Job` and returns JSON."""
    setattr(function, AGENT_MARK, True)
    return function


def _no_checkpoint(_: Any) -> None:
    """A job outside a worker keeps no progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One attempt of one job, as its agent sees it."""

    #: The job's idempotency key; the same at every attempt. Effects outside should carry it.
    id: str
    params: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    #: Number of this attempt, from 1.
    attempt: int = 1
    tenant: str = "default"
    #: W3C trace context, to be handed on to whatever the job calls; empty outside a worker.
    traceparent: str = ""
    #: When the attempt is stopped; None where nothing stops it.
    deadline: datetime | None = None
    #: One-line JSON logger that already carries job, execution, agent and attempt.
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("muster.job"))
    #: What an earlier attempt gave to `checkpoint`; None at first.
    state: Any = None
    save: Callable[[Any], None] = field(default=_no_checkpoint, repr=False)
    #: The agent's own tables, by the statements of its `sql/*.sql`.
    database: JobDatabase = field(default_factory=NoTables, repr=False)
    #: Where `http` may call.
    outbound: Outbound = field(default_factory=Outbound, repr=False)
    #: What `count` added up; stored with the execution.
    counters: dict[str, int] = field(default_factory=dict[str, int], repr=False)

    def checkpoint(self, state: Any) -> None:
        """Persist progress (JSON); a later attempt finds it in `state`.

        Raises:
            muster.errors.Cancelled: another worker holds the job by now, so this one must stop.
        """
        self.save(state)

    def http(
        self, policy: Policy | None = None, *, admit: Callable[[str], None] | None = None
    ) -> SafeHttp:
        """A client for URLs that came from outside, within the manifest's `egress` and the stage's word.

        Args:
            policy: the agent's own limits.
            admit: asked before each hop with its host; what it raises ends the call.

        Raises:
            RefusedForGood: the manifest says `egress = "none"`.
        """
        return self.outbound.client(policy, admit=admit)

    def count(
        self, *, items_processed: int = 0, input_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        """Add to what this attempt did; shown with the execution as itemsProcessed and tokens."""
        for name, amount in (
            ("itemsProcessed", items_processed),
            ("inputTokens", input_tokens),
            ("outputTokens", output_tokens),
        ):
            if amount:
                self.counters[name] = self.counters.get(name, 0) + amount
