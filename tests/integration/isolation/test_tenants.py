"""Two tenants' jobs in one warm worker: what the first leaves is not there for the second."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.isolation.in_process import InProcess
from tests.support.isolated import write_agent
from tests.support.source import ROOT
from tests.support.worker import Workshop

#: The first tenant's job leaves traces everywhere; the second's looks for them.
LEAVE_AND_LOOK = """
    home = pathlib.Path.home()
    places = {
        "relative file": pathlib.Path("left"),
        "home": home / "left",
        "credentials": home / ".aws" / "credentials",
        "temporary file": pathlib.Path(tempfile.gettempdir()) / "left",
        "worker's temporary file": pathlib.Path(OWN_TMP) / "elsewhere" / "left",
    }
    traces = {name: place.exists() for name, place in places.items()} | {
        "environment": "TENANT" in os.environ,
        "session": os.environ.get("AWS_SESSION_TOKEN") == "left",
        "global": bool(GLOBALS),
        "module": "left_module" in sys.modules,
        "import path": "/left" in sys.path,
        "patched library": hasattr(json, "left"),
        "thread": any(thread.name == "left" for thread in threading.enumerate()),
        "logging": logging.getLogger().level == 7,
        "umask": os.umask(0) == 0,
        "handler": signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN,
    }
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(job.tenant)
    os.environ.update(TENANT=job.tenant, AWS_SESSION_TOKEN="left")
    GLOBALS.append(job.tenant)
    sys.modules["left_module"] = sys
    sys.path.append("/left")
    json.left = True
    threading.Thread(target=END.wait, name="left", daemon=True).start()
    logging.getLogger().setLevel(7)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    return {"found": sorted(name for name, left in traces.items() if left), "process": os.getpid()}
"""
EVERYTHING = 15


@pytest.fixture
def own_tmp() -> Iterator[Path]:
    """A folder that stands in for Lambda's /tmp; something of the worker is in it already."""
    folder = Path(tempfile.mkdtemp())
    (folder / "worker's own").write_text("stays")
    yield folder
    shutil.rmtree(folder)


def _head(own_tmp: Path) -> str:
    return f"import json, threading\nGLOBALS = []\nEND = threading.Event()\nOWN_TMP = {str(own_tmp)!r}\n"


def _results(shop: Workshop) -> dict[str, dict[str, Any]]:
    rows = shop.clerk.query("SELECT tenant, result FROM agent_job_execution ORDER BY tenant")
    return {row["tenant"]: row["result"] for row in rows}


def test_nothing_of_the_first_tenant_is_there_for_the_second(
    workshop: Callable[..., Workshop], tmp_path: Path, own_tmp: Path
):
    """S10: files, environment, globals and credentials, in one batch of one warm worker."""
    # Given one worker whose agent asks for a process for each job
    folder = write_agent(tmp_path / "nosy", LEAVE_AND_LOOK, head=_head(own_tmp))
    caller = InProcess(folder, environ=os.environ, parent=own_tmp, sweep=own_tmp)
    shop = workshop(caller=caller)
    # When it gets a job of each of two tenants
    shop.send("one", tenant="ajax")
    shop.send("two", tenant="zeno")
    shop.deliver()
    # Then the second finds nothing of the first, and the worker's own files are still there
    results = _results(shop)
    assert [results[tenant]["found"] for tenant in ("ajax", "zeno")] == [[], []]
    assert len({os.getpid(), results["ajax"]["process"], results["zeno"]["process"]}) == 3
    assert [entry.name for entry in own_tmp.iterdir()] == ["worker's own"]


def test_the_same_job_finds_every_trace_where_nothing_is_isolated(tmp_path: Path, own_tmp: Path):
    """What the test above looks for can be found: the very same agent, twice in one process."""
    # Given that agent, and a process for both jobs
    folder = write_agent(tmp_path / "nosy", LEAVE_AND_LOOK, head=_head(own_tmp))
    code = f"""if True:
        import json
        from pathlib import Path
        from muster import Job
        from muster.agent_loader import load_agent
        run = load_agent(Path({str(folder)!r}))
        print(json.dumps([run(Job(id=t, params={{}}, tenant=t))["found"] for t in ("ajax", "zeno")]))
    """
    # When they run
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "home",
        env={
            "HOME": str(tmp_path / "home"),
            "TMPDIR": str(own_tmp),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    # Then the second finds it all
    first, second = json.loads(done.stdout)
    assert first == []
    assert len(second) == EVERYTHING
