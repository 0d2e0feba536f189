"""What checkov and cfn-lint find in templates, each by its template and logical id."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.checkout import Checkout

_SCAN = Path(__file__).with_name("scan.py")


@dataclass(frozen=True, kw_only=True, order=True)
class Found:
    """One finding of a scanner."""

    rule: str
    file: Path
    #: Logical id; empty when it is about the template.
    resource: str
    says: str


def scan(templates: Sequence[Path], *, core: bool = False) -> list[Found]:
    """What the scanners refuse in these templates.

    Args:
        templates: files of JSON or YAML.
        core: cfn-lint's own rules alone, which take long, and which the validation in each synth knows too.
    """
    python = Checkout.locate().root / ".muster" / "gates" / "bin" / "python"
    assert python.exists(), (
        f"{python} is missing: run `make test`, or `make .muster/gates/.installed`"
    )
    done = subprocess.run(
        [python, "-I", _SCAN, *(["--core"] if core else []), *map(str, templates)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(
        Found(**{**found, "file": Path(found["file"])}) for found in json.loads(done.stdout)
    )
