"""Reads a document from S3, bounded in size and time."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from typing import Any

from muster import PermanentError, RetryableError

#: Largest document, in bytes.
MAX_BYTES = 64 * 1024 * 1024

#: Seconds to connect, and of silence, per try: two tries fit the agent's timeout.
CONNECT_TIMEOUT = 2
READ_TIMEOUT = 5

#: InvalidArgument is what S3 says of a version id that it never made.
_MISSING = frozenset({"404", "InvalidArgument", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"})
_OVERWRITTEN = frozenset({"412", "PreconditionFailed"})
_FORBIDDEN = frozenset({"403", "AccessDenied"})


def read_object(
    bucket: str,
    key: str,
    *,
    version_id: str | None = None,
    etag: str | None = None,
    client: Any = None,
) -> bytes:
    """The object's content.

    Args:
        bucket: real name of the bucket.
        key: the object's key, as S3 shows it.
        version_id: one version of it; None reads the newest.
        etag: what the newest must have; it is not looked at when there is a version.
        client: a boto3 client of S3; None takes the process's own.

    Raises:
        PermanentError: `object_missing`, `object_overwritten`, `object_forbidden` or
            `object_too_large`. Anything else that goes wrong is raised as it is and tried again.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    version = {"VersionId": version_id, "IfMatch": None if version_id else etag}
    wanted = {name: value for name, value in version.items() if value is not None}
    try:
        reply = (client or _client()).get_object(Bucket=bucket, Key=key, **wanted)
    except ParamValidationError as exc:
        raise _missing(bucket, key) from exc
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code")
        if code in _MISSING:
            raise _missing(bucket, key) from exc
        if code in _OVERWRITTEN:
            raise PermanentError(
                f"s3://{bucket}/{key} was overwritten since: its ETag is another one. "
                "Leave the etag out to read what is there now.",
                code="object_overwritten",
            ) from exc
        if code in _FORBIDDEN:
            raise PermanentError(
                f"s3://{bucket}/{key} may not be read by this agent. "
                "Put the document into the uploads bucket of the stage.",
                code="object_forbidden",
            ) from exc
        raise
    size = reply["ContentLength"]
    with closing(reply["Body"]) as body:
        if size > MAX_BYTES:
            raise PermanentError(
                f"s3://{bucket}/{key} has {size} bytes; this agent reads up to {MAX_BYTES}. Split it.",
                code="object_too_large",
            )
        content: bytes = body.read(size + 1)
    # A bounded read takes an answer that breaks off for a short object.
    if len(content) != size:
        raise RetryableError(f"s3://{bucket}/{key} broke off after {len(content)} of {size} bytes")
    return content


def _missing(bucket: str, key: str) -> PermanentError:
    return PermanentError(
        f"There is no object s3://{bucket}/{key}, or not that version of it. "
        "Check bucket, key and version_id.",
        code="object_missing",
    )


@cache
def _client() -> Any:
    # Costs hundreds of milliseconds, so jobs with inline text never pay for it.
    import boto3.session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.session.Session().client("s3", config=config)
