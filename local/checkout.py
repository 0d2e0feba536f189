"""Where a checkout keeps what: the one owner of the local cloud's paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Names another folder for the state of the local cloud, so that several can run from one checkout.
STATE_VARIABLE = "MUSTER_STATE_DIR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """A source tree and the folder that holds the state of its local cloud."""

    root: Path
    state: Path

    @classmethod
    def locate(cls, environ: Mapping[str, str] | None = None) -> Checkout:
        """The checkout this code runs from; its state is in `.muster/local` unless told otherwise."""
        environ = os.environ if environ is None else environ
        root = Path(__file__).resolve().parent.parent
        named = environ.get(STATE_VARIABLE)
        state = Path(named).expanduser().absolute() if named else root / ".muster" / "local"
        return cls(root=root, state=state)

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
    def emulator_python(self) -> Path:
        """The emulator's own interpreter: a function sees its asset and layer, nothing of ours."""
        return self.root / ".muster" / "emulator" / "bin" / "python"

    @property
    def cdk(self) -> Path:
        return self.root / "node_modules" / ".bin" / "cdk"

    @property
    def program(self) -> Path:
        """The `muster` command of this checkout."""
        return self.tools / "muster"

    @property
    def tools(self) -> Path:
        """Folder of this interpreter's programs: `python`, `node` and `muster`."""
        return Path(sys.executable).parent
