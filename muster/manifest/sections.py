"""The tables of a manifest, each read into its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from muster.contracts import ALLOW_EXTERNAL_REQUESTS
from muster.lane import LANES
from muster.manifest.limits import ENVIRONMENT_BYTES, MAX_BATCH, largest_batch
from muster.manifest.model import Endpoint, Permissions, Queue, S3Trigger
from muster.manifest.problem import shown
from muster.manifest.reader import Reader

NAME = r"[a-z][a-z0-9-]{0,62}"
NAME_CURE = "write lower-case letters, digits and hyphens, a letter first, at most 63"
# A bucket, or folders of it; what IAM reads as a wildcard or variable is left out.
_RESOURCE = r"bucket:[a-z][a-z0-9-]{0,62}(?:/(?:[A-Za-z0-9!_.'()=+-]+/)+)?"
_VARIABLE = r"[A-Za-z][A-Za-z0-9_]{1,127}"
_ENV_VALUE = r"(?s:.{0,4096})"
_SECRET_NAME = r"[A-Za-z0-9/_+=.@-]{1,512}"  # noqa: S105 - what names of secrets look like
_RESERVED = ("AWS_", "LAMBDA_", "MUSTER_")
_ENV_NAME = rf"(?!(?i:{'|'.join(_RESERVED)})){_VARIABLE}"
_TAG_KEY = r"(?!(?i:aws):)[\w +\-=.:/@]{1,128}"
_TAG_VALUE = r"[\w +\-=.:/@]{0,256}"


def read_queue(reader: Reader, *, compute: str, timeout: timedelta) -> Queue:
    """`[queue]`; the default batch is the largest that fits the function, at most 10."""
    fitting = largest_batch(timeout) if compute == "lambda" else MAX_BATCH
    reader.refuse("fifo", "leave it out: a FIFO queue has no delay per message, so none retries")
    batch = reader.integer("batch", max(1, fitting), low=1, high=MAX_BATCH)
    cure = f"write a list of different lanes out of {', '.join(LANES)}"
    lanes = reader.texts("lanes", ("normal",), pattern="|".join(LANES), cure=cure)
    if "normal" not in lanes:
        reader.problem(
            "lanes", shown(list(lanes)), "add normal: every agent has at least that lane"
        )
    reader.finish()
    return Queue(batch=batch or 1, lanes=tuple(lane for lane in LANES if lane in lanes))


def read_permissions(reader: Reader) -> Permissions:
    """`[permissions]`"""
    cure = (
        "write a list of different resources of the stage, such as bucket:uploads, or "
        "bucket:uploads/out/ for a part of it"
    )
    read = reader.texts("read", pattern=_RESOURCE, cure=cure)
    write = reader.texts("write", pattern=_RESOURCE, cure=cure)
    reader.finish()
    return Permissions(read=read, write=write)


def read_environment(reader: Reader) -> Mapping[str, str]:
    """`[env]`"""
    stages = (
        "leave it out: the stage says whom its agents may call, by -c allow_external_requests=yes"
    )
    reader.refuse(ALLOW_EXTERNAL_REQUESTS, stages)
    taken = ", ".join(_RESERVED)
    cure = (
        f"write a name of two or more letters, digits and _, none in {taken}, and a text in quotes"
    )
    found = _names(reader, key=_ENV_NAME, value=_ENV_VALUE, cure=cure)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in found.items())
    if size > ENVIRONMENT_BYTES:
        cure = f"keep all names and values together below {ENVIRONMENT_BYTES} bytes"
        reader.problem(next(iter(found)), f"{size} bytes", cure)
    return found


def read_secrets(reader: Reader, *, env: Mapping[str, str]) -> Mapping[str, str]:
    """`[secrets]`"""
    cure = 'write the name of a secret of Secrets Manager in quotes, such as "feeds/token"'
    own = "call it by two or more letters, digits and _, a letter first, such as FEED_TOKEN"
    found = _names(reader, key=_VARIABLE, value=_SECRET_NAME, cure=cure, name_cure=own)
    for name in found.keys() & env.keys():
        reader.problem(name, shown(found[name]), "it stands in [env] too; keep one of them")
    return found


def read_cost_tags(reader: Reader) -> Mapping[str, str]:
    """`cost_tags`"""
    cure = "write AWS tags: letters, digits, spaces and + - = . _ : / @, none in aws:"
    return _names(reader, key=_TAG_KEY, value=_TAG_VALUE, cure=cure)


def read_s3(reader: Reader) -> S3Trigger:
    """One `[[s3]]`."""
    bucket = reader.text("bucket", required=True, pattern=NAME, cure=f"name a bucket: {NAME_CURE}")
    prefix = reader.text("prefix", "", longest=1024)
    suffix = reader.text("suffix", "", longest=1024)
    reader.finish()
    return S3Trigger(bucket=bucket or "", prefix=prefix or "", suffix=suffix or "")


def read_endpoint(reader: Reader) -> Endpoint:
    """`[endpoint]`"""
    cure = "write the address of the agent, such as https://agents.example.com/feeds"
    pattern = r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?"  # no user info: credentials are secrets
    url = reader.text("url", required=True, pattern=pattern, cure=cure, longest=2048)
    kind = reader.choice("type", "http", ("http", "webhook", "n8n", "cloud-function"))
    method = reader.choice("method", "POST", ("POST", "PUT"))
    authentication = reader.choice("authentication", None, ("bearer", "api-key", "oauth"))
    secret = reader.text("secret", pattern=_SECRET_NAME, cure="name a secret of Secrets Manager")
    if (authentication is None) != (secret is None):
        reader.problem("secret", shown(secret), "write authentication and secret, or neither")
    reader.finish()
    return Endpoint(
        url=url or "",
        type=cast("str", kind),
        method=cast("str", method),
        authentication=authentication,
        secret=secret,
    )


def _names(
    reader: Reader, *, key: str, value: str, cure: str, name_cure: str | None = None
) -> Mapping[str, str]:
    """A table from free names to texts, each matching its pattern."""
    found: dict[str, str] = {}
    for name in reader.names():
        if re.fullmatch(key, name):
            found[name] = reader.text(name, "", pattern=value, cure=cure) or ""
        else:
            reader.problem(name, shown(name), name_cure or cure)
    return found
