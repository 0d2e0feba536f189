"""A worker outside: it registers itself over HTTP, takes the job that a caller posted, and reports back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.demo.records import Record
from muster.cli.api_client import ApiClient
from muster.model import Status

AGENT = "works-outside"

#: Jobs that the worker takes at most; more than one where an earlier demo was stopped in between.
_MOST_JOBS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Worked:
    """What the API said to caller and worker."""

    instance_id: str
    #: Of the instance as others discover it while it runs.
    discovered: tuple[str, ...]
    #: The job's progress as its caller sees it in the middle of it.
    seen: Any
    #: What each report on the job of this run was answered: its status.
    reported: tuple[str, ...]
    #: The instance's status once it has left.
    left: str


def job_id(run: str) -> str:
    """The job that is posted over HTTP."""
    return f"demo-{run}-outside"


def work(*, run: str, api_url: str, key: str) -> Worked:
    """Post a job as a caller does, and do it as a worker somewhere else does, by calls of the API alone.

    Raises:
        ApiError: the API refused something of it.
    """
    worker = caller = ApiClient(url=api_url, key=key)
    instance_id = f"outside-{run}"
    worker.call("POST", "/v1/agents", {"agent_id": AGENT, "description": "Counts words elsewhere."})
    worker.call("POST", "/v1/instances", {"instance_id": instance_id, "agents": [AGENT]})
    found = caller.call("GET", f"/v1/instances?agent_id={AGENT}&status=active")["instances"]
    text = "a few words from outside"
    wanted = {"agent_id": AGENT, "job_id": job_id(run), "params": {"text": text}}
    caller.call("POST", "/v1/jobs", wanted)
    seen: Any = None
    reported: list[str] = []
    for held in _take(worker, instance_id):
        path, reporter = f"/v1/executions/{held['execution_id']}", _holder(api_url, held)
        going = reporter.call("PATCH", path, {"progress": {"percent": 50}})
        mine = held["job_id"] == job_id(run)
        if mine:
            seen = caller.call("GET", f"/v1/jobs/{job_id(run)}")["progress"]
        worker.call("POST", f"/v1/instances/{instance_id}/heartbeat", {"running_jobs": 1})
        result = {"words": len(held["params"]["text"].split())}
        done = reporter.call("PATCH", path, {"status": "completed", "result": result})
        if mine:
            reported += [going["status"], done["status"]]
    left = worker.call("DELETE", f"/v1/instances/{instance_id}")
    return Worked(
        instance_id=instance_id,
        discovered=tuple(instance["instance_id"] for instance in found),
        seen=seen,
        reported=tuple(reported),
        left=left["status"],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outsider:
    """Watches the job that was done outside."""

    read: Callable[[], list[Record]] = field(repr=False)
    worked: Worked

    @property
    def what(self) -> str:
        """See `Scene.what`."""
        return "a worker outside"

    def over(self) -> bool:
        """See `Scene.over`: its last report was answered before the watching began."""
        return True

    def problems(self) -> list[str]:
        """See `Scene.problems`."""
        return [f"{AGENT} ({self.what}): {problem}" for problem in self._wrong()]

    @property
    def told(self) -> dict[str, Any]:
        """What came of it, for the demo's report."""
        return {
            "instance": self.worked.instance_id,
            "reported": list(self.worked.reported),
            "left": self.worked.left,
        }

    def _wrong(self) -> list[str]:
        worked, wrong = self.worked, list[str]()
        if worked.instance_id not in worked.discovered:
            wrong.append("it registered, and nobody could discover it")
        if worked.seen != {"percent": 50}:
            wrong.append(f"its caller was shown the progress {worked.seen}")
        if worked.reported != ("running", "completed"):
            wrong.append(f"its reports were answered {list(worked.reported)}")
        if worked.left != "inactive":
            wrong.append(f"it left, and is {worked.left}")
        found = self.read()
        if [record.status for record in found] != [Status.COMPLETED]:
            wrong.append(f"its executions are {[str(record.status) for record in found]}")
        elif found[0].result != {"words": 5}:
            wrong.append(f"its result is {found[0].result}")
        return wrong


def _take(worker: ApiClient, instance_id: str) -> list[dict[str, Any]]:
    """What waits for the agent; the worker asks until there is nothing."""
    held: list[dict[str, Any]] = []
    while len(held) < _MOST_JOBS:
        ask = {"agent_id": AGENT, "worker": instance_id, "lease_seconds": 60}
        taken = worker.call("POST", "/v1/executions/claim", ask)["executions"]
        if not taken:
            break
        held += taken
    return held


def _holder(api_url: str, held: Mapping[str, Any]) -> ApiClient:
    """Who may report on an execution: whoever has its token, and needs no key."""
    return ApiClient(url=api_url, key=held["token"])
