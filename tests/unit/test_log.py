"""The log is one line of ASCII JSON per event, whatever is in it."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.source import ROOT

_SCRIPT = """
import sys
from muster.log import logger
log = logger("agent-1")
nasty = "\\r\\n\\x1b[31m\\u2028\\u202e\\ud800\\x00\\x85"
log.append_keys(job=nasty)
log.info("told %s", nasty, extra={"params": {1: nasty}, "odd": object()})
try:
    raise ValueError(nasty)
except ValueError:
    log.exception("failed")
log.remove_keys(["job"])
log.info("after")
"""


def test_no_character_breaks_a_line():
    """F22: line breaks, ANSI escapes, direction marks and surrogates stay inside their JSON string."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, check=True, timeout=300
    )
    lines = done.stdout.decode("ascii").splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["message"] for entry in entries][1:] == ["failed", "after"]
    assert entries[0]["message"].startswith("told \r\n\x1b[31m\u2028")
    assert entries[0]["service"] == "agent-1"
    assert entries[0]["job"].startswith("\r\n")
    assert "job" not in entries[2]
    assert "ValueError" in entries[1]["exception"]
