"""The AWS emulator as a child process: started on loopback, recognised by its nonce."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from uuid import uuid4

from local.checkout import Checkout
from local.errors import LocalCloudError
from local.ports import LOOPBACK
from local.process.child import Child

#: The account and region that the emulator plays.
ACCOUNT = "000000000000"
REGION = "us-east-1"
#: Any key is accepted; a 12-digit one would choose another account.
CREDENTIAL = "test"


def _environment(*, checkout: Checkout, port: int, nonce: str, guarded: bool) -> dict[str, str]:
    """Nothing of the caller's AWS settings or Python path reaches the emulator or its functions."""
    return {
        "PATH": os.pathsep.join([str(checkout.tools), os.environ.get("PATH", os.defpath)]),
        "HOME": str(checkout.scratch),
        "LANG": "C.UTF-8",
        "TMPDIR": str(checkout.scratch),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_EDITION": nonce,  # shown by the health page
        "AUTH": "true" if guarded else "false",
        "LAMBDA_EXECUTOR": "local",
        "S3_DATA_DIR": str(checkout.scratch / "s3"),
        "STATE_DIR": str(checkout.scratch / "state"),
        "DOCKER_HOST": "unix:///nonexistent",  # never look for one
        "SFTP_ENABLED": "0",
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _program(checkout: Checkout, *, guarded: bool) -> list[str]:
    if not guarded:
        return ["-m", "ministack"]
    # Without the folder of the program on its path: modules there are named as others are.
    program = checkout.root / "local" / "guarded_emulator.py"
    return ["-P", str(program), str(checkout.calls), str(checkout.scratch / "unpacked")]


def _set_scratch_aside(checkout: Checkout) -> None:
    """Leave an empty scratch folder; deleting the old one is not waited for."""
    if checkout.scratch.exists():
        checkout.trash.mkdir(exist_ok=True)
        checkout.scratch.rename(checkout.trash / uuid4().hex)
    checkout.scratch.mkdir(parents=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """A started emulator."""

    child: Child
    port: int
    nonce: str

    @classmethod
    def start(cls, *, checkout: Checkout, port: int, nonce: str, guarded: bool = False) -> Emulator:
        """Start it with empty scratch folders; it is ready once `answers()` says so.

        Args:
            guarded: enforce IAM, and write down what each role calls.
        """
        if not checkout.emulator_python.exists():
            raise LocalCloudError(
                f"The AWS emulator is not installed ({checkout.emulator_python} is missing). "
                "Run `make setup`."
            )
        _set_scratch_aside(checkout)
        path = checkout.logs / "emulator.log"
        if path.exists():
            path.replace(path.with_suffix(".log.1"))  # how the last one ended
        with path.open("wb") as log:
            child = Child(
                [str(checkout.emulator_python), *_program(checkout, guarded=guarded)],
                environment=_environment(
                    checkout=checkout, port=port, nonce=nonce, guarded=guarded
                ),
                directory=checkout.scratch,
                output=log.fileno(),
            )
        return cls(child=child, port=port, nonce=nonce)

    def answers(self) -> bool:
        """Whether the emulator behind the port is up, and is this one."""
        return health_nonce(port=self.port) == self.nonce

    def stop(self) -> None:
        """Kill it with its workers: its state is in memory, so there is nothing to finish."""
        self.child.kill()


def health_nonce(*, port: int, timeout: float = 10) -> str | None:
    """What the emulator behind a loopback port calls itself; None when none answers.

    Args:
        timeout: seconds that one which is busy may take: whoever gives it up kills what it runs.
    """
    url = f"http://{LOOPBACK}:{port}/_ministack/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return str(json.load(answer).get("edition"))
    except (OSError, ValueError):
        return None
