"""A job that a program asks for over the HTTP API, with a key of its own, and whose result it reads there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.demo.plan import PROFILE
from local.errors import LocalCloudError

TEXT = "asked for over HTTP"

#: Method, path, body: status and JSON of the answer.
Call = Callable[[str, str, Mapping[str, Any] | None], tuple[int, dict[str, Any]]]

_PATIENCE = 60


def new_key(*, run: str, program: Path, environment: Mapping[str, str]) -> str:
    """A key for an hour, as an operator makes one.

    Raises:
        LocalCloudError: the command failed; says why.
    """
    command = [str(program), "keys", "create", f"demo-{run}", "--role", "agent"]
    command += ["--expires-in", "1h", "--json"]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalCloudError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)["key"]


def caller(*, url: str, key: str) -> Call:
    """Calls the API at that address with a key, and by no proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, method=method, headers=headers, data=data)  # noqa: S310 - an address of the deployment
        try:
            with opener.open(request, timeout=_PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return call


@dataclass(kw_only=True, slots=True)
class ApiJob:
    """Asks for the job at the first look, and then for what has become of it."""

    call: Call
    run: str
    #: What the API said last.
    said: str = "it was not asked for"
    result: Mapping[str, Any] | None = None
    asked: bool = False

    what = "a job by the HTTP API, with a key"

    def over(self) -> bool:
        if self.result is not None:
            return True
        if not self.asked:
            body = {"agent_id": PROFILE, "job_id": self._job_id, "params": {"text": TEXT}}
            status, answer = self.call("POST", "/v1/jobs", body)
            self.asked = status in (200, 202)
        else:
            status, answer = self.call("GET", f"/v1/jobs/{self._job_id}", None)
            if answer.get("status") == "completed":
                self.result = answer["result"]
        self.said = f"{status} {answer.get('status')} {answer.get('code') or ''}".rstrip()
        return self.result is not None

    def problems(self) -> list[str]:
        if self.result is None:
            return [f"{PROFILE} {self._job_id} ({self.what}): {self.said}"]
        expected = hashlib.sha256(TEXT.encode()).hexdigest()
        found = self.result.get("sha256")
        if found == expected:
            return []
        return [
            f"{PROFILE} {self._job_id} ({self.what}): sha256 is {found!r} instead of {expected!r}"
        ]

    @property
    def _job_id(self) -> str:
        return f"demo-{self.run}-api"
