"""S3 in memory, behind the port `muster.ports.Objects`."""

from __future__ import annotations

import json
from typing import Any

from muster.errors import ConfigurationError
from muster.ports import ObjectMissing, ObjectTooLarge


class MemoryObjects:
    """Objects in this process, each with one version only."""

    def __init__(self) -> None:
        #: Content by bucket and key; tests may look and change it.
        self.stored: dict[str, dict[str, bytes]] = {}

    def create(self, bucket: str) -> str:
        """Make a bucket; its name."""
        self.stored[bucket] = {}
        return bucket

    def get(self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None) -> bytes:
        content = self.stored.get(bucket, {}).get(key)
        if content is None or version_id is not None:
            raise ObjectMissing(f"There is no s3://{bucket}/{key}")
        if len(content) > max_bytes:
            raise ObjectTooLarge(f"s3://{bucket}/{key} has over {max_bytes} bytes")
        return content

    def put_json(self, bucket: str, key: str, value: Any) -> str:
        content = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        if bucket not in self.stored:
            raise ConfigurationError(f"Bucket {bucket} does not exist. Create it first.")
        self.stored[bucket][key] = content
        return f"s3://{bucket}/{key}"
