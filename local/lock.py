"""Resolves the requirements anew: every lock is pinned by hash and names no address.

    python -m local.lock [--upgrade]

Locks are universal: one file serves every platform and every Python from 3.11 on. Without `--upgrade` a
version that still fits stays. Agents keep a `requirements.in` beside their `requirements.txt`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_OPTIONS = (
    *("--quiet", "--generate-hashes", "--universal", "--python-version=3.11"),
    *("--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
)


def compile_lock(
    *sources: Path, lock: Path, constraints: tuple[Path, ...] = (), options: tuple[str, ...] = ()
) -> None:
    """Resolve the sources together into one lock that agrees with the constraining ones."""
    command = [
        *(str(Path(sys.executable).with_name("uv")), "pip", "compile", *_OPTIONS, *options),
        *(f"--constraints={_relative(constraint)}" for constraint in constraints),
        f"--output-file={_relative(lock)}",
        *(_relative(source) for source in sources),
    ]
    print(f"{_relative(lock)} ...", file=sys.stderr)
    # `uv` reports the resolution on stdout too; the file is what counts.
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def main(options: tuple[str, ...]) -> None:
    """Lock the layers first, then the environments that must agree with them."""
    folder = ROOT / "requirements"
    layer = folder / "runtime.txt"
    compile_lock(folder / "runtime.in", lock=layer, options=options)
    agents = sorted(
        source
        for root in ("lambdas/agents", "local/agents")
        for source in ROOT.glob(f"{root}/*/requirements.in")
    )
    for source in agents:
        lock = source.with_suffix(".txt")
        compile_lock(source, lock=lock, constraints=(layer,), options=options)
    for apart in ("pip", "emulator", "gates"):
        compile_lock(folder / f"{apart}.in", lock=folder / f"{apart}.txt", options=options)
    for peers in (ROOT / "bench" / "peers", ROOT / "bench" / "peers" / "schedulers"):
        compile_lock(peers / "requirements.in", lock=peers / "requirements.txt", options=options)
    compile_lock(
        *(folder / "dev.in", *agents),
        lock=folder / "dev.txt",
        constraints=(layer, folder / "pip.txt", *(source.with_suffix(".txt") for source in agents)),
        options=options,
    )


if __name__ == "__main__":
    try:
        main(tuple(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"Not locked: uv ended with {error.returncode}; what it said is above.")
