"""What a permission says of a bucket: `bucket:uploads`, or `bucket:uploads/out/` for a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MARK = "bucket:"


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketRight:
    """A right on the objects of a logical bucket whose keys begin with `prefix`."""

    bucket: str
    #: Empty, or one or more folders that end with a slash.
    prefix: str = ""

    def __str__(self) -> str:
        return f"{_MARK}{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def bucket_rights(permissions: Sequence[str]) -> list[BucketRight]:
    """The rights on buckets among permissions."""
    found: list[BucketRight] = []
    for permission in permissions:
        if permission.startswith(_MARK):
            bucket, _, prefix = permission.removeprefix(_MARK).partition("/")
            found.append(BucketRight(bucket=bucket, prefix=prefix))
    return found
