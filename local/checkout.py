"""Where a checkout keeps what: the one owner of the local cloud's paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalCloudError

#: Names another folder for the state of the local cloud, so that several can run from one checkout.
STATE_VARIABLE = "MUSTER_STATE_DIR"

#: Name the ports of a fresh cloud; without them free ones are taken, and kept over restarts.
EMULATOR_PORT_VARIABLE = "MUSTER_EMULATOR_PORT"
POSTGRES_PORT_VARIABLE = "MUSTER_POSTGRES_PORT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """A source tree and the folder that holds the state of its local cloud."""

    root: Path
    state: Path
    emulator_port: int | None = None
    postgres_port: int | None = None

    @classmethod
    def locate(cls, environ: Mapping[str, str] | None = None) -> Checkout:
        """The checkout this code runs from; its state is in `.muster/local` unless told otherwise.

        Raises:
            LocalCloudError: a variable names no port.
        """
        environ = os.environ if environ is None else environ
        root = Path(__file__).resolve().parent.parent
        named = environ.get(STATE_VARIABLE)
        state = Path(named).expanduser().absolute() if named else root / ".muster" / "local"
        return cls(
            root=root,
            state=state,
            emulator_port=_port(environ, EMULATOR_PORT_VARIABLE),
            postgres_port=_port(environ, POSTGRES_PORT_VARIABLE),
        )

    @property
    def named_ports(self) -> tuple[int, ...]:
        """Ports that the user chose: another will not do."""
        return tuple(port for port in (self.emulator_port, self.postgres_port) if port)

    @property
    def state_file(self) -> Path:
        return self.state / "state.json"

    @property
    def command_lock(self) -> Path:
        """Held by `up` and `down`, so that two of them take turns."""
        return self.state / "command.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for its whole life: taken means it lives."""
        return self.state / "supervisor.lock"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    def listener_log(self, agent: str) -> Path:
        """What the listeners of an agent write."""
        return self.logs / f"listener-{agent}.log"

    @property
    def calls(self) -> Path:
        """What each role has called of AWS in this life of the cloud, a line of JSON each."""
        return self.logs / "calls.jsonl"

    @property
    def database(self) -> Path:
        """Postgres's data: survives `down`, removed by `down --purge`."""
        return self.state / "postgres"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator and its functions: emptied at every start."""
        return self.state / "tmp"

    @property
    def trash(self) -> Path:
        """Scratch of earlier starts, deleted while the cloud runs: it can be a hundred thousand files."""
        return self.state / "trash"

    @property
    def synthesised(self) -> Path:
        """The cloud assembly of the last deploy."""
        return self.state / "cdk.out"

    @property
    def listeners(self) -> Path:
        """The listeners that `up` found deployed, for the supervisor."""
        return self.state / "listeners.json"

    @property
    def emulator_python(self) -> Path:
        """The emulator's own interpreter: a function sees its asset and layer, nothing of ours."""
        return self.root / ".muster" / "emulator" / "bin" / "python"

    @property
    def cdk(self) -> Path:
        return self.root / "node_modules" / ".bin" / "cdk"

    @property
    def bootstrap_template(self) -> Path:
        """The stack of `cdk bootstrap`, as the CDK CLI brings it."""
        package = self.root / "node_modules" / "aws-cdk"
        return package / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"

    @property
    def program(self) -> Path:
        """The `muster` command of this checkout."""
        return self.tools / "muster"

    @property
    def node_compile_cache(self) -> Path:
        """Where Node.js keeps what it compiled of the CDK."""
        return self.root / ".muster" / "node-compile-cache"

    @property
    def tools(self) -> Path:
        """Folder of this interpreter's programs: `python`, `node` and `muster`."""
        return Path(sys.executable).parent


def _port(environ: Mapping[str, str], variable: str) -> int | None:
    text = environ.get(variable)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise LocalCloudError(f"{variable}={text!r} is no port; give a number from 1024 to 65535")
    return int(text)
