"""Verdicts are documented where they are made, and the guide shows the same."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from muster.errors import MusterError, PermanentError, RetryableError
from muster.retry import decide
from muster.safe_http import Verdict
from muster.safe_http.refusal import refusal
from tests.support.source import ROOT

GUIDE = ROOT / "docs" / "guides" / "outbound-calls.md"


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_says_what_it_means(verdict: Verdict):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", verdict.value)
    assert verdict.name == verdict.value.upper()
    assert verdict.__doc__ != Verdict.__doc__
    assert str(verdict.__doc__).endswith(".")


def test_the_guide_has_every_verdict_as_the_code_has_it():
    # Given the guide's table of verdicts
    table = re.findall(
        r"^\| `(\w+)` \| (yes|no) \| (.+) \|$", GUIDE.read_text("utf-8"), re.MULTILINE
    )
    # Then it is the enum, in its order
    assert table == [
        (verdict.value, "yes" if verdict.passing else "no", str(verdict.__doc__))
        for verdict in Verdict
    ]


@pytest.mark.parametrize("verdict", Verdict)
def test_a_refusal_steers_the_job(verdict: Verdict):
    # Given a refusal of the first of several attempts
    error = refusal(verdict, "why")
    assert isinstance(error, MusterError)
    assert isinstance(error, RetryableError) is verdict.passing
    assert isinstance(error, PermanentError) is not verdict.passing
    # Then the job is tried again exactly if that may help, and the record has the code
    decision = decide(error, attempt=1, max_attempts=3, jitter=0.5)
    assert decision.status.value == ("pending" if verdict.passing else "failed")
    assert error.code == verdict.value


def test_a_refusal_crosses_processes():
    error = refusal(Verdict.TIMED_OUT, "too slow")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.verdict, copy.code, str(copy)) == (
        type(error),
        Verdict.TIMED_OUT,
        "timed_out",
        "too slow",
    )


def test_importing_it_imports_nothing_heavy():
    # Given a fresh interpreter
    program = "import sys, muster.safe_http; print(*sys.modules)"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # Then no library came along, nor what only some calls need
    loaded = set(done.stdout.split())
    assert not {"boto3", "urllib3", "requests", "idna", "encodings.idna", "asyncio"} & loaded
    foreign = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert {name for name in foreign if not name.startswith("_")} <= {"muster", "__main__"}
