"""The AWS emulator for tests: one per session, on a port of its own, gone with the session."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.checkout import Checkout
from local.emulator import CREDENTIAL, REGION, Emulator
from local.ports import LOOPBACK, choose

#: Longest start, in seconds; a busy machine needs about five.
_START = 240


@dataclass(frozen=True, kw_only=True, slots=True)
class EmulatedCloud:
    """Where the emulator answers."""

    endpoint_url: str

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the emulator."""
        return session().client(service, endpoint_url=self.endpoint_url, **options)


@cache
def session() -> Any:
    """The one boto3 session, with the credentials and the region that the emulators take."""
    import boto3.session  # here, so that runs without it start sooner

    return boto3.session.Session(
        aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL, region_name=REGION
    )


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatedCloud]:
    """A running emulator, shared by the session: make resources of your own, with names of your own."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-emulator-"))
    started: Emulator | None = None
    try:
        started = _start(folder)
        yield EmulatedCloud(endpoint_url=f"http://{LOOPBACK}:{started.port}")
    finally:
        if started:
            started.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> Emulator:
    checkout = Checkout(root=Checkout.locate().root, state=folder)
    checkout.logs.mkdir(parents=True)
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        # Another process may take the port first: then this one ends, and a new port is tried.
        emulator = Emulator.start(checkout=checkout, port=choose(None), nonce=uuid.uuid4().hex)
        while emulator.child.exit_code() is None and time.monotonic() < deadline:
            if emulator.answers():
                return emulator
            time.sleep(0.1)
        emulator.stop()
    log = (checkout.logs / "emulator.log").read_text(errors="replace")
    raise RuntimeError(f"The emulator did not start within {_START} s:\n{log[-2000:]}")
