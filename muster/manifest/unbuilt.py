"""What a manifest may already say and this release does not deploy yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from muster.manifest.model import Manifest
from muster.manifest.problem import Problem, shown


def unbuilt(manifest: Manifest) -> list[Problem]:
    """Problems for parts of the manifest that this release cannot deploy; synth refuses them."""
    folder = manifest.folder or Path(manifest.id)
    file = str(folder / "agent.toml")
    return [
        Problem(file=file, key=key, value=shown(value), cure=f"{what} not built yet; {cure}")
        for key, value, what, cure in _found(manifest)
    ]


def _found(manifest: Manifest) -> Iterator[tuple[str, object, str, str]]:
    if manifest.compute == "http":
        yield "compute", "http", "compute http is", "use lambda or fargate until it is"
    elif manifest.image is not None:
        yield "image", manifest.image, "container images are", "use agent.py until they are"
