"""Agents that would start themselves, or each other in a ring, by the objects they write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muster.manifest import Manifest
from stacks.bucket_right import bucket_rights
from stacks.config import Stage


def loops(stage: Stage, manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, list[str]]]:
    """Each agent whose output comes back to it, and by way of which agents, itself last."""
    started = {
        m.id: [other for other in manifests if _starts(stage, writer=m, reader=other)]
        for m in manifests
    }
    for manifest in manifests:
        way = _way_back(manifest, started)
        if way:
            yield manifest, way


def _starts(stage: Stage, *, writer: Manifest, reader: Manifest) -> bool:
    """Whether an object that one may write can be one that starts the other.

    Suffixes do not count: the right to write covers every suffix.
    """
    return any(
        _real(stage, right.bucket) == _real(stage, trigger.bucket)
        and (right.prefix.startswith(trigger.prefix) or trigger.prefix.startswith(right.prefix))
        for right in bucket_rights(writer.permissions.write)
        for trigger in reader.s3
    )


def _real(stage: Stage, bucket: str) -> str:
    """Two logical names may be one bucket."""
    imported = stage.buckets.get(bucket)
    return f"imported {imported.name}" if imported else bucket


def _way_back(manifest: Manifest, started: dict[str, list[Manifest]]) -> list[str]:
    """The shortest way from the agent to itself; empty when there is none."""
    ways = [[other.id] for other in started[manifest.id]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        if way[-1] == manifest.id:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, other.id] for other in started[way[-1]]]
    return []
