"""CDK entry: reads the context, checks everything at once, composes the stacks.

`npx cdk deploy --all -c stage=dev`; no other file reads context or environment.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from muster.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import App

    from muster.manifest import Manifest
    from stacks.config import Stage

ROOT = Path(__file__).resolve().parent
KERNEL_FOLDER = ROOT / "stacks" / "kernel_folder.cjs"


def main() -> int:
    """Synthesize the stage that the context names; problems go to stderr, all of them at once."""
    gc.disable()  # what a synth makes stays until its end: to look for garbage is a tenth of it
    prepare_node()
    from aws_cdk import App

    from stacks.unfinished import begun

    # Checked by `check`, which remembers what was found.
    app = App(builtin_cloud_formation_validation=False)
    with begun(Path(app.outdir)):
        return _synthesise(app)


def _synthesise(app: App) -> int:
    try:
        from stacks.config import stage_named
        from stacks.deployment import check, compose

        stage = stage_named(
            app.node.try_get_context("stage"),
            allow_external_requests=app.node.try_get_context("allow_external_requests"),
            repository=app.node.try_get_context("repository"),
        )
        manifests = _manifests(stage)
        compose(app, stage=stage, manifests=manifests)
        check(app, validated=ROOT / ".muster" / "validated")
    except ConfigurationError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    app.synth()
    return 0


def _manifests(stage: Stage) -> Sequence[Manifest]:
    from muster.manifest import load_agents, unbuilt
    from stacks.fit import misfits

    manifests = load_agents(ROOT / root for root in stage.agent_roots)
    problems = [str(problem) for manifest in manifests for problem in unbuilt(manifest)]
    problems += misfits(stage, manifests)
    if problems:
        raise ConfigurationError("\n  ".join(["these agents cannot be deployed:", *problems]))
    return manifests


def prepare_node() -> None:
    """Name the Node.js on which the CDK runs, and let it find what it compiled, before it is imported.

    It comes with the virtual environment; another one on PATH may be too old. See `stacks/kernel_folder.cjs`.
    """
    own = Path(sys.executable).parent / "node"
    if own.exists():
        os.environ.setdefault("JSII_NODE", str(own))
    options = os.environ.get("NODE_OPTIONS", "")
    if "NODE_COMPILE_CACHE" in os.environ and KERNEL_FOLDER.name not in options:
        quoted = str(KERNEL_FOLDER).replace("\\", "\\\\").replace('"', '\\"')
        os.environ["NODE_OPTIONS"] = f'{options} --require "{quoted}"'.lstrip()


if __name__ == "__main__":
    sys.exit(main())
