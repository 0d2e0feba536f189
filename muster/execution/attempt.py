"""One attempt of one job: run the agent's function and say how it ended."""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from muster.agent_secrets import AgentSecrets, no_secrets
from muster.clock import Clock
from muster.contracts import INLINE_RESULT_BYTES, RESULT_PREFIX
from muster.crashpoint import CrashPointReached, crashpoint
from muster.database import JobDatabase, NoTables
from muster.errors import Cancelled, PermanentError, SecretRejected
from muster.execution.configuration import ConfigInvalid, Configuration, Precedence
from muster.execution.report import error_record, stored_record
from muster.execution.result import result_text
from muster.execution.tail import Tail, follow
from muster.execution.trace import traceparent_of
from muster.isolation.caller import Caller, Ended
from muster.isolation.interrupted import Interrupted
from muster.job import Job
from muster.mask import LogMask
from muster.model import Claim, ErrorRecord, Outcome, Status
from muster.outbound import Outbound
from muster.ports import Objects
from muster.retry import decide, relay_delay
from muster.store.ledger import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """The loaded agent of a worker."""

    agent_id: str
    version: str
    #: Calls its function, where the manifest wants it to run.
    caller: Caller
    #: Longest run of one attempt.
    timeout: timedelta
    max_attempts: int
    #: Says what is wrong with the params, or None.
    check_params: Callable[[Mapping[str, Any]], str | None]
    configuration: Configuration
    secrets: AgentSecrets = field(default_factory=no_secrets)
    #: The agent's own tables.
    database: JobDatabase = field(default_factory=NoTables)
    #: Where it may call.
    outbound: Outbound = field(default_factory=Outbound)

    @property
    def longest(self) -> timedelta:
        """What one attempt may take, with what stopping it may take."""
        return self.timeout + self.caller.overhead

    def prepare(self) -> None:
        """Have at hand what jobs are given, so that none spends its time on what is slow to come.

        Raises:
            StoreUnavailable: AgentConfig was never read, and cannot be.
        """
        self.configuration.refresh()
        self.secrets.refresh()


#: How an attempt ends whose function was never called.
_NOT_CALLED = Ended()


class ParamsInvalid(PermanentError):
    """The params do not fit the agent's input_schema."""

    code = "invalid_params"


class ClaimLost(Cancelled):
    """Another worker holds this job by now."""

    code = "claim_lost"


class Attempts:
    """Runs attempts of one agent, one at a time in each thread that calls `run`."""

    def __init__(
        self,
        *,
        agent: Agent,
        ledger: Ledger,
        objects: Objects,
        results_bucket: str,
        clock: Clock,
        log: logging.Logger,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._agent = agent
        self._ledger = ledger
        self._objects = objects
        self._results_bucket = results_bucket
        self._clock = clock
        self._log = log
        self._jitter = jitter
        self._tails = follow(log)
        if agent.secrets:
            log.addFilter(LogMask(agent.secrets.mask))

    def run(self, claim: Claim, *, limit: timedelta) -> Outcome:
        """Run one claimed job for at most `limit`; whatever the agent does, an outcome comes back.

        Raises:
            StoreUnavailable: AgentConfig was never read, and cannot be; nothing was run.
        """
        tail = Tail(f"--- attempt {claim.attempt}, claim {claim.fence}")
        self._tails.begin(tail)
        try:
            outcome = self._run(claim, self._agent.configuration.now(), limit=limit)
        finally:
            self._tails.end()
        logged = tail.text()
        return outcome if logged is None else replace(outcome, log=logged)

    def _run(self, claim: Claim, precedence: Precedence, *, limit: timedelta) -> Outcome:
        counters: dict[str, int] = {}
        started = self._clock.monotonic()
        ended = _NOT_CALLED
        result: Any = None
        result_ref: str | None = None
        error: BaseException | None = None
        try:
            crashpoint("run.before")
            ended = self._call(claim, precedence, limit=limit, counters=counters)
            crashpoint("run.after")
            error = ended.error
            if error is None:
                result, result_ref = self._stored(claim, ended.result)
        except (CrashPointReached, Interrupted):
            raise
        except BaseException as raised:  # noqa: BLE001 - a result may do anything when it is read, and the others must run
            error = raised
        elapsed = self._clock.monotonic() - started
        metrics = {
            **(_storable(counters) if counters else {}),
            "executionTime": round(elapsed * 1000, 3),
            "memoryUsage": ended.memory_bytes,
            "cpuUsage": round(ended.cpu_seconds / elapsed * 100, 1) if elapsed else 0.0,
        }
        if error is None:
            return Outcome(
                claim=claim,
                status=Status.COMPLETED,
                kind="completed",
                result=result,
                result_ref=result_ref,
                metrics=metrics,
                config_version=precedence.version,
            )
        if isinstance(error, SecretRejected):
            self._agent.secrets.forget()
        return self._failed(
            claim,
            error,
            self._record(error, ended.record),
            metrics,
            config_version=precedence.version,
        )

    def _call(
        self,
        claim: Claim,
        precedence: Precedence,
        *,
        limit: timedelta,
        counters: dict[str, int],
    ) -> Ended:
        problem = self._agent.check_params(claim.params)
        if problem is not None:
            return Ended(error=ParamsInvalid(problem))
        try:
            config = precedence.config(claim.config)
        except ConfigInvalid as invalid:
            return Ended(error=invalid)
        job = Job(
            id=claim.job_id,
            params=claim.params,
            config=config,
            secrets=self._agent.secrets.current(),
            attempt=claim.attempt,
            tenant=claim.tenant,
            traceparent=traceparent_of(claim),
            deadline=self._clock.now() + limit,
            log=self._log,
            state=claim.state,
            save=lambda state: self._save(claim, state),
            database=self._agent.database,
            outbound=self._agent.outbound,
            counters=counters,
        )
        return self._agent.caller.call(job, limit=limit)

    def _save(self, claim: Claim, state: Any) -> None:
        if not self._ledger.checkpoint(claim, self._agent.secrets.mask().value(state)):
            raise ClaimLost("another worker holds this job by now; stop")

    def _stored(self, claim: Claim, result: Any) -> tuple[Any, str | None]:
        """The result for the row, or where it was put instead."""
        if result is None:
            return None, None
        text = result_text(result)
        if mask := self._agent.secrets.mask():
            result = mask.value(json.loads(text))
            text = result_text(result)
        if len(text.encode()) <= INLINE_RESULT_BYTES:
            # A copy: the agent may go on changing what it returned, and its next job may return it again.
            return json.loads(text), None
        key = f"{RESULT_PREFIX}{claim.agent_id}/{claim.execution_id}-{claim.fence}.json"
        return None, self._objects.put_json(self._results_bucket, key, result)

    def failed(self, claim: Claim, error: BaseException) -> Outcome:
        """The outcome of an attempt that the host ended with this error, its function still running."""
        return self._failed(claim, error, self._record(error, None), {})

    def _record(self, error: BaseException, told: ErrorRecord | None) -> ErrorRecord:
        """What the row says of it: never a secret."""
        return stored_record(told or error_record(error), self._agent.secrets.mask())

    def _failed(
        self,
        claim: Claim,
        error: BaseException,
        record: ErrorRecord,
        metrics: Mapping[str, Any],
        config_version: int | None = None,
    ) -> Outcome:
        decision = decide(
            error,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            jitter=self._jitter(),
        )
        return Outcome(
            claim=claim,
            status=decision.status,
            kind=decision.kind,
            error=None if decision.status is Status.CANCELLED else record,
            metrics=metrics,
            config_version=config_version,
            delay=decision.delay,
            relay_delay=relay_delay(decision.delay),
            refund=decision.refund,
            reason=record.message if decision.status is Status.CANCELLED else None,
        )


def _storable(counters: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent counted, without what is no number that JSON can hold."""
    return {
        str(name): amount
        for name, amount in counters.items()
        if isinstance(amount, int | float) and math.isfinite(amount)
    }
