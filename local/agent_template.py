"""What a new agent's folder holds: files that work as they are, to be changed from there."""

from __future__ import annotations

import json

from muster.agent_package import package_name

#: Manifest keys by compute. A service is for what takes longer than a function may.
_COMPUTE = {
    "lambda": 'compute = "lambda"\ntimeout = "30s" # of one job\nmemory = 256   # MiB\n',
    "fargate": (
        'compute = "fargate"\ntimeout = "1h"  # of one job\ncpu = 256       # units of 1/1024 vCPU\n'
        "memory = 512    # MiB\n"
    ),
}
COMPUTES = tuple(_COMPUTE)

_MANIFEST = """\
# Every key: docs/reference/manifest.md
id = "{name}"
version = "0.1.0"
description = "Counts the words of a text."
{compute}retries = 4     # attempts after the first

# Params that do not fit never reach the code.
[input_schema]
type = "object"
required = ["text"]
additionalProperties = false

[input_schema.properties]
text = {{ type = "string" }}
"""

_SCHEDULE = """
[[schedule]]
name = "planned"
{rule}
params = {{ text = "hello world" }}
"""

_CODE = '''\
"""Counts the words of a text, until it does what it is for."""

from __future__ import annotations

from muster import Job, agent


@agent
def run(job: Job) -> dict[str, int]:
    """Say how many words the text has: what is returned is the job's result, in JSON."""
    words = len(job.params["text"].split())
    job.log.info("counted")
    return {"words": words}
'''

_TEST = '''\
"""The agent as its worker calls it, with jobs made by hand."""

from __future__ import annotations

from pathlib import Path

from muster import Job
from muster.agent_loader import load_agent
from muster.manifest import load_manifest

FOLDER = Path(__file__).parent
run = load_agent(FOLDER)


def test_the_words_of_a_text_are_counted():
    assert run(Job(id="job-1", params={"text": "hello world"})) == {"words": 2}


def test_its_manifest_is_accepted():
    assert load_manifest(FOLDER).id == FOLDER.name
'''


def manifest(name: str, *, compute: str, rule: tuple[str, str] | None) -> str:
    """Text of `agent.toml`.

    Args:
        name: the agent's id.
        compute: one of `COMPUTES`.
        rule: key and text of when jobs start by themselves, such as `("cron", "0 * * * *")`.
    """
    text = _MANIFEST.format(name=name, compute=_COMPUTE[compute])
    if rule is None:
        return text
    key, value = rule
    return text + _SCHEDULE.format(rule=f"{key} = {json.dumps(value)}")


def files(name: str, *, compute: str, rule: tuple[str, str] | None) -> dict[str, str]:
    """Texts by file name; arguments as of `manifest`."""
    module = package_name(name).rpartition(".")[2]
    return {
        "agent.toml": manifest(name, compute=compute, rule=rule),
        "agent.py": _CODE,
        f"test_{module}.py": _TEST,
    }
