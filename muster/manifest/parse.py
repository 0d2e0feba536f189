"""One parsed document, from TOML or JSON, into a `Manifest`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from muster.manifest.limits import MAX_CONCURRENCY, MAX_RETRIES
from muster.manifest.model import Manifest
from muster.manifest.problem import Problem
from muster.manifest.reader import Reader
from muster.manifest.rules import broken_rules
from muster.manifest.schedule_table import read_schedule
from muster.manifest.sections import (
    read_cost_tags,
    read_endpoint,
    read_environment,
    read_permissions,
    read_queue,
    read_s3,
    read_secrets,
)
from muster.manifest.webhook_table import read_webhook

ID_PATTERN = r"[a-z][a-z0-9-]{1,62}"
_ID_CURE = "write 2 to 63 lower-case letters, digits and hyphens, a letter first"
_VERSION = r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}"
_IMAGE = r"[a-z0-9][\w.:/@-]{0,254}"
_NO_GPU = "leave it out: neither Lambda nor Fargate has GPUs; run it elsewhere as compute http"

DEFAULT_TIMEOUT = timedelta(minutes=2)


def parse(
    document: Mapping[str, Any],
    *,
    file: str,
    folder: Path | None = None,
    check_schemas: bool = True,
) -> tuple[Manifest, list[Problem]]:
    """Read a document; the manifest is only to be used when there is no problem.

    Args:
        file: what problems name as their place.
        folder: where the manifest was found; None skips the rules about it.
        check_schemas: False skips the rules about JSON Schemas, for a document that passed them before.
    """
    problems: list[Problem] = []
    root = Reader(document, file=file, problems=problems)
    manifest = _read(root, folder)
    root.refuse("gpu", _NO_GPU)
    root.finish()
    wrong = {problem.key for problem in problems}
    problems += broken_rules(manifest, file=file, wrong=wrong, check_schemas=check_schemas)
    return manifest, problems


def _read(root: Reader, folder: Path | None) -> Manifest:
    compute = root.choice("compute", "lambda", ("lambda", "fargate", "http")) or "lambda"
    timeout = root.duration("timeout", DEFAULT_TIMEOUT) or DEFAULT_TIMEOUT
    env = read_environment(root.table("env"))
    identifier = root.text("id", required=True, pattern=ID_PATTERN, cure=_ID_CURE) or ""
    return Manifest(
        id=identifier,
        version=root.text(
            "version",
            required=True,
            pattern=_VERSION,
            cure='write a version in quotes, such as "1.0.0", at most 64 characters',
        )
        or "",
        name=root.text("name", longest=128) or identifier,
        description=root.text("description", "", longest=2048) or "",
        compute=compute,
        timeout=timeout,
        memory=root.integer("memory", 512, low=128, high=122880) or 512,
        cpu=root.integer("cpu", None, low=256, high=16384),
        ephemeral_storage=root.integer("ephemeral_storage", None, low=512, high=204800),
        architecture=root.choice("architecture", None, ("arm64", "x86_64")),
        retries=cast("int", root.integer("retries", 4, low=0, high=MAX_RETRIES)),
        concurrency=root.integer("concurrency", 20, low=1, high=MAX_CONCURRENCY) or 20,
        isolation=root.choice("isolation", "shared", ("shared", "process", "task")) or "shared",
        egress=root.choice("egress", "none", ("none", "internet")) or "none",
        image=root.text("image", pattern=_IMAGE, cure="write the reference of a container image"),
        command=root.texts("command", cure="write a list of texts", unique=False),
        capabilities=root.texts("capabilities"),
        tags=root.texts("tags"),
        cost_tags=read_cost_tags(root.table("cost_tags")),
        queue=read_queue(root.table("queue"), compute=compute, timeout=timeout),
        env=env,
        secrets=read_secrets(root.table("secrets"), env=env),
        permissions=read_permissions(root.table("permissions")),
        input_schema=root.json("input_schema") or None,
        output_schema=root.json("output_schema") or None,
        config_schema=root.json("config_schema") or None,
        config=root.json("config") or {},
        metadata=root.json("metadata") or {},
        endpoint=read_endpoint(root.table("endpoint")) if root.has("endpoint") else None,
        schedules=tuple(read_schedule(entry) for entry in root.tables("schedule")),
        s3=tuple(read_s3(entry) for entry in root.tables("s3")),
        webhooks=tuple(read_webhook(entry) for entry in root.tables("webhook")),
        folder=folder,
    )
