"""One version of an object of S3, read in pieces: memory does not grow with it, and no answer lasts long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Self

from muster import PermanentError, RetryableError

#: Bytes of one piece.
PIECE = 1024 * 1024

#: Seconds to connect, and of silence, per try.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
TRIES = 4

#: InvalidArgument is what S3 says of a version id that it never made.
_MISSING = frozenset({"404", "InvalidArgument", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"})
_OVERWRITTEN = frozenset({"412", "PreconditionFailed"})
_FORBIDDEN = frozenset({"403", "AccessDenied"})


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """The version that all attempts of a job read, whatever lies under its key by then."""

    bucket: str
    key: str
    #: None in a bucket without versions.
    version_id: str | None
    etag: str
    #: In bytes.
    size: int

    @classmethod
    def find(cls, params: Mapping[str, Any], *, client: Any = None) -> Self:
        """The object that the params name.

        Raises:
            PermanentError: `object_missing`, `object_overwritten` or `object_forbidden`. Anything else that
                goes wrong is raised as it is and tried again.
        """
        version_id = params.get("version_id")
        where = {"Bucket": params["bucket"], "Key": params["key"]}
        wanted = where if version_id is None else {**where, "VersionId": version_id}
        reply = _ask("head_object", wanted, client)
        found = cls(
            bucket=where["Bucket"],
            key=where["Key"],
            version_id=version_id or reply.get("VersionId"),
            etag=reply["ETag"].strip('"'),
            size=reply["ContentLength"],
        )
        if version_id is None and found.etag != params.get("etag", found.etag).strip('"'):
            raise _overwritten(where)
        return found

    def state(self) -> dict[str, Any]:
        """As a checkpoint and the result hold it; `StoredObject(**state)` is this one again."""
        return asdict(self)

    def pieces(self, start: int, *, client: Any = None) -> Iterator[bytes]:
        """The content from this byte on.

        Raises:
            PermanentError: as `find`.
            RetryableError: an answer broke off.
        """
        while start < self.size:
            end = min(start + PIECE, self.size)
            piece = self._piece(start, end, client)
            if len(piece) != end - start:
                raise RetryableError(
                    f"s3://{self.bucket}/{self.key} broke off after {start + len(piece)} bytes"
                )
            yield piece
            start = end

    def _piece(self, start: int, end: int, client: Any) -> bytes:
        wanted = {
            "Bucket": self.bucket,
            "Key": self.key,
            "Range": f"bytes={start}-{end - 1}",
            # Also with a version: the version `null` of a bucket can be overwritten.
            "IfMatch": f'"{self.etag}"',
        }
        if self.version_id is not None:
            wanted["VersionId"] = self.version_id
        reply = _ask("get_object", wanted, client)
        with closing(reply["Body"]) as body:
            # Servers like S3 may answer with the whole object instead.
            before = start if "ContentRange" not in reply else 0
            while before > 0 and (passed := len(body.read(min(PIECE, before)))):
                before -= passed
            piece: bytes = body.read(end - start)
        return piece


def _ask(operation: str, wanted: dict[str, Any], client: Any) -> Any:
    from botocore.exceptions import ClientError, ParamValidationError

    try:
        return getattr(client or _client(), operation)(**wanted)
    except ParamValidationError as exc:
        raise _missing(wanted) from exc
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code")
        if code in _MISSING:
            raise _missing(wanted) from exc
        if code in _OVERWRITTEN:
            raise _overwritten(wanted) from exc
        if code in _FORBIDDEN:
            raise PermanentError(
                f"{_shown(wanted)} may not be read by this agent. "
                "Put the file into the uploads bucket of the stage.",
                code="object_forbidden",
            ) from exc
        raise


def _shown(wanted: Mapping[str, Any]) -> str:
    return f"s3://{wanted['Bucket']}/{wanted['Key']}"


def _missing(wanted: Mapping[str, Any]) -> PermanentError:
    return PermanentError(
        f"There is no object {_shown(wanted)}, or not that version of it. "
        "Check bucket, key and version_id.",
        code="object_missing",
    )


def _overwritten(wanted: Mapping[str, Any]) -> PermanentError:
    return PermanentError(
        f"{_shown(wanted)} was overwritten since: its ETag is another one. "
        "Send a job for what is there now; what was posted already is not posted again.",
        code="object_overwritten",
    )


@cache
def _client() -> Any:
    # Costs hundreds of milliseconds, which a worker that only starts need not spend.
    import boto3.session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    return boto3.session.Session().client("s3", config=config)
