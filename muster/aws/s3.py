"""S3 behind the port `muster.ports.Objects`."""

from __future__ import annotations

import json
from contextlib import closing
from functools import cached_property
from typing import Any

from muster.aws.client import make_client
from muster.aws.failure import error_code, is_invalid_call, service_errors, translate
from muster.errors import MusterError
from muster.ports import ObjectMissing, ObjectsUnavailable, ObjectTooLarge

#: Longest silence of S3 within one try, in seconds.
READ_TIMEOUT = 10

#: InvalidArgument is what S3 says of a version id that it never made.
_MISSING = frozenset(
    {"404", "InvalidArgument", "InvalidBucketName", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"}
)


class Objects:
    """S3 by boto3. Safe for use by several threads; the client is made on first use.

    Args:
        client: use this boto3 client; None makes one with bounded waits.
    """

    def __init__(self, *, client: Any = None) -> None:
        self._given = client

    @cached_property
    def _client(self) -> Any:
        return self._given or make_client("s3", read_timeout=READ_TIMEOUT)

    def get(self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None) -> bytes:
        """See `muster.ports.Objects.get`."""
        version = {} if version_id is None else {"VersionId": version_id}
        try:
            reply = self._client.get_object(Bucket=bucket, Key=key, **version)
            with closing(reply["Body"]) as body:
                if reply["ContentLength"] > max_bytes:
                    raise _too_large(bucket, key, max_bytes)
                content: bytes = body.read(max_bytes + 1)
        except service_errors() as exc:
            raise _get_error(exc, bucket, key) from exc
        # A bounded read takes an answer that breaks off for a short object, so the length is compared.
        if len(content) != reply["ContentLength"]:
            raise ObjectsUnavailable(f"s3:GetObject on s3://{bucket}/{key} broke off")
        return content

    def put_json(self, bucket: str, key: str, value: Any) -> str:
        """See `muster.ports.Objects.put_json`."""
        content = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        try:
            self._client.put_object(
                Bucket=bucket, Key=key, Body=content, ContentType="application/json"
            )
        except service_errors() as exc:
            raise _translate(exc, "s3:PutObject", bucket, key) from exc
        return f"s3://{bucket}/{key}"


def _get_error(exc: Exception, bucket: str, key: str) -> MusterError:
    if error_code(exc) in _MISSING or is_invalid_call(exc):
        return ObjectMissing(
            f"There is no object s3://{bucket}/{key}, or not that version of it. "
            "Check bucket, key and version_id."
        )
    return _translate(exc, "s3:GetObject", bucket, key)


def _translate(exc: Exception, action: str, bucket: str, key: str) -> MusterError:
    return translate(
        exc, action=action, resource=f"s3://{bucket}/{key}", unavailable=ObjectsUnavailable
    )


def _too_large(bucket: str, key: str, max_bytes: int) -> ObjectTooLarge:
    return ObjectTooLarge(f"s3://{bucket}/{key} has more than the {max_bytes} bytes allowed here.")
