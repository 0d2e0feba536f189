"""Finds the agent for a task that names none: recorded, chosen once, then a job of the same id.

Each step is one guarded statement, so that a process that dies between two of them leaves a task that waits,
and the dispatcher goes on with it. Nothing is dropped: what nobody can do now is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.clock import Clock
from muster.execution.params import params_checker
from muster.fleet import HEALTHY
from muster.store.connection import Database
from muster.store.identifier import new_execution_id
from muster.store.statements import statements
from muster.store.tasks import Task, Tasks
from muster.store.tenant_jobs import TenantJobs, Wanted

#: Waiting tasks that are looked at in one page.
PAGE = 100

#: Why a task was closed whose agent has another job of its id.
JOB_EXISTS = "job_exists"

#: Days for which a task is known, as job ids are.
KEEP_DAYS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """A task that is a job now."""

    wanted: Wanted
    execution_id: str

    @property
    def made(self) -> bool:
        """Whether the job was recorded just now, and is to be sent."""
        return self.execution_id == self.wanted.execution_id


def route(task: Task, *, tasks: Tasks, jobs: TenantJobs, clock: Clock) -> Routed | None:
    """Make a recorded task a job of an agent that can do it; None: it goes on waiting, or waits no more.

    Raises:
        StoreUnavailable: no answer; the task waits.
    """
    fitting = (
        candidate.agent_id
        for candidate in tasks.candidates(task, threshold=HEALTHY)
        if params_checker(candidate.input_schema)(task.params) is None
    )
    agent_id = tasks.choose(task.task_id, next(fitting, None))
    if agent_id is None:
        return None
    wanted = Wanted(
        execution_id=new_execution_id(now=clock.now()),
        job_id=task.task_id,
        agent_id=agent_id,
        params=task.params,
        config=None,
        priority=task.priority,
        traceparent=task.traceparent,
    )
    recorded = jobs.submit(wanted, let_in=True)
    if recorded is None:
        tasks.not_routed(task.task_id)
        return None
    if not recorded.same:
        tasks.close(task.task_id, reason=JOB_EXISTS)
        return None
    execution_id = recorded.document["execution_id"]
    tasks.routed(task.task_id, execution_id)
    return Routed(wanted=wanted, execution_id=execution_id)


def route_waiting(database: Database, *, clock: Clock) -> int:
    """Look for agents for a page of waiting tasks; how many were looked at.

    Raises:
        StoreUnavailable: no answer; what is left is looked at later.
    """
    sql = statements("tasks")
    rows = database.run(sql["tasks_due"], {"page": PAGE})
    for tenant, task_id, requirements, params, priority, traceparent in rows:
        task = Task(
            task_id=task_id,
            requirements=requirements,
            params=params,
            priority=priority,
            traceparent=traceparent,
        )
        route(
            task,
            tasks=Tasks(database, tenant=tenant),
            jobs=TenantJobs(database, tenant=tenant),
            clock=clock,
        )
    database.run(sql["tasks_forget"], {"keep_days": KEEP_DAYS, "page": PAGE})
    return len(rows)
