"""The listener starts from what its Dockerfile makes: replayed into an empty folder, without Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.aws import LocalAws
from local.checkout import Checkout
from local.database import secret_of
from local.ports import LOOPBACK, choose
from muster.contracts import ListenerEnvironment
from muster.fleet_settings import FleetSettings
from tests.support.clerk import Clerk
from tests.support.dockerfile import Replay, read
from tests.support.emulator import EmulatedCloud
from tests.support.waiting import wait_until

ROOT = Checkout.locate().root
AGENT = "document-profile"
FOLDER = f"lambdas/agents/{AGENT}"


@pytest.fixture(scope="module")
def image() -> Iterator[Replay]:
    """The image as a folder that any user may read."""
    # Not below pytest's own folder, which other users may not enter
    folder = Path(tempfile.mkdtemp(prefix="muster-test-image-"))
    folder.chmod(0o755)
    try:
        yield _build(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(folder: Path) -> Replay:
    from app import prepare_node

    prepare_node()
    from stacks.config import STAGES
    from stacks.listener_image import DOCKERFILE, OWN_LOCK, fill_context, own_lock

    context = folder / "context"
    context.mkdir()
    # Given the folder that the deploy builds the image from
    fill_context(STAGES["dev"], FOLDER, str(context))
    replay = Replay(
        context=context,
        root=folder / "root",
        host={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(ROOT / ".muster" / "wheelhouse" / "local"),
        },
        build_args={OWN_LOCK: str(own_lock(FOLDER))},
    )
    # When its steps are taken
    replay.play(read(context / DOCKERFILE))
    for volume in replay.volumes:
        replay.inside(volume).chmod(0o1777)
    _bare_python(folder / "python")
    return replay


def _bare_python(target: Path) -> None:
    """An interpreter without any package, as the base image has it: what is there came by the steps."""
    subprocess.run([_interpreter(), "-m", "venv", "--without-pip", str(target)], check=True)


def _interpreter() -> str:
    """A Python of our own version, if possible one that every user can reach."""
    named = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = shutil.which(named, path="/usr/local/bin:/usr/bin")
    return next((p for p in (sys.executable, system) if p and _is_open(p)), sys.executable)


def _is_open(interpreter: str) -> bool:
    """Whether any user may run it."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(interpreter).resolve().parents)


@contextmanager
def started(image: Replay, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The image's command, by its entry point, as its user, with that environment and no other."""
    python = image.root.parent / "python" / "bin"
    entry = [word for word in image.entrypoint if shutil.which(image.entrypoint[0])]
    user, group = (int(number) for number in image.user.split(":"))
    # Without the right to be another user, or an interpreter for it, the test runs as whoever we are.
    may = os.geteuid() == 0 and _is_open(str(python / "python"))
    as_user: dict[str, Any] = {"user": user, "group": group, "extra_groups": []} if may else {}
    process = subprocess.Popen(
        [*entry, *image.command],
        cwd=image.inside("."),
        env={**image.environment, "PATH": f"{python}:/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **as_user,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def files(image: Replay) -> set[Path]:
    """Everything outside of the volumes."""
    kept = {image.inside(volume) for volume in image.volumes}
    return {p for p in image.root.rglob("*") if not any(p.is_relative_to(k) for k in kept)}


def test_a_container_that_is_told_nothing_names_what_it_misses(image: Replay):
    # When the command runs without its environment
    with started(image, {}) as process:
        output = process.communicate(timeout=240)[0].decode()
    # Then it ends at once, and says what the stack would have set; every import worked
    assert process.returncode == 2
    assert "Traceback" not in output
    assert ListenerEnvironment.variable("agent_id") in output


def test_the_listener_runs_a_job_from_the_image_as_nobody_in_particular(
    image: Replay, emulator: EmulatedCloud, database_url: str
):
    # Given an agent's queues, its database, and a message
    environment = _environment(emulator, database_url)
    before = files(image)
    with closing(Clerk(database_url)) as clerk, started(image, environment) as process:
        clerk.register(AGENT, agent_version="1.0.0")
        port = int(environment[ListenerEnvironment.variable("http_port")])
        # When the listener stands
        wait_until(lambda: _health(port, process) == 200, within=240)
        queue = json.loads(environment[ListenerEnvironment.variable("queue_urls")])["normal"]
        emulator.client("sqs").send_message(QueueUrl=queue, MessageBody='{"text": "hello world"}')
        # Then it takes the job and records its end
        [row] = wait_until(
            lambda: clerk.query(
                "SELECT status FROM agent_job_execution WHERE status = 'completed'"
            ),
            within=240,
        )
        assert row["status"] == "completed"
        assert _privileges(process.pid) in ("1", None)
        # And when it is told to stop it ends well
        process.terminate()
        process.communicate(timeout=240)
        assert process.returncode == 0
    # And it wrote nowhere but to its scratch
    assert files(image) == before


def _environment(emulator: EmulatedCloud, database_url: str) -> dict[str, str]:
    name = f"image-{uuid.uuid4().hex[:8]}"
    sqs = emulator.client("sqs")
    lane, dead = (
        sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in ("lane", "dead")
    )
    emulator.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps(secret_of(database_url))
    )
    told = dict.fromkeys(ListenerEnvironment.__dataclass_fields__, "") | {
        "stage": "test",
        "database_secret": name,
        "database_tls": "disable",
        "code_version": "test",
        "agent_id": AGENT,
        "agent_folder": FOLDER,
        "queue_urls": json.dumps({"normal": lane}),
        "dead_letter_queue_url": dead,
        "results_bucket": name,
        "slots": "0",
        "allow_external_requests": "no",
        "outbound": json.dumps({"addresses": [], "ports": []}),
        "visibility_seconds": "30",
        "concurrency": "2",
        "agent_concurrency": "2",
        "drain_seconds": "5",
        "http_port": str(choose(None)),
        "scale_in_protection": "no",
        "transport": "boto3",
        "fleet": FleetSettings().to_json(),
    }
    aws = LocalAws(endpoint=emulator.endpoint_url).variables()
    return {**aws, **ListenerEnvironment(**told).to_environment()}


def _health(port: int, process: subprocess.Popen[bytes]) -> int | None:
    assert process.poll() is None, process.communicate()[0].decode()
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health/ready", timeout=5) as reply:
            return reply.status
    except (urllib.error.URLError, OSError):
        return None


def _privileges(pid: int) -> str | None:
    """Linux's own word on whether the process may gain privileges; None where there is no Linux."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return lines["NoNewPrivs"]
