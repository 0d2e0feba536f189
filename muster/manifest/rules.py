"""What must hold between the fields of one manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from muster.manifest.duration import format_duration
from muster.manifest.limits import (
    FARGATE_CPU,
    FARGATE_MEMORY,
    FARGATE_STORAGE,
    FARGATE_TIMEOUT,
    LAMBDA_MARGIN,
    LAMBDA_MEMORY,
    LAMBDA_STORAGE,
    LAMBDA_TIMEOUT,
    PROCESS_MEMORY,
    largest_batch,
)
from muster.manifest.model import Manifest
from muster.manifest.problem import Problem, shown

#: A broken rule: the key it is told at, the value there, the cure.
Flaw = tuple[str, str, str]
Rule = Callable[[Manifest], Iterator[Flaw]]


def broken_rules(
    manifest: Manifest, *, file: str, wrong: Iterable[str], check_schemas: bool
) -> list[Problem]:
    """Problems between fields. One at a key that is wrong in itself is not told twice.

    Args:
        wrong: keys that have a problem already.
        check_schemas: whether to look into JSON Schemas too.
    """
    from muster.manifest.schema_rules import SCHEMA_RULES

    rules = (*_RULES, *(SCHEMA_RULES if check_schemas else ()))
    told = set(wrong)
    return [
        Problem(file=file, key=key, value=value, cure=cure)
        for key, value, cure in chain.from_iterable(rule(manifest) for rule in rules)
        if key not in told
    ]


def _folder(manifest: Manifest) -> Iterator[Flaw]:
    folder = manifest.folder
    if folder is None:
        return
    if folder.name != manifest.id:
        yield "id", shown(manifest.id), f"name folder and id alike; the folder is {folder.name}"
    code = (folder / "agent.py").is_file()
    other = "image" if manifest.image else "compute http" if manifest.compute == "http" else None
    if not code and other is None:
        cure = "add agent.py with one function marked @agent, or name an image"
        yield "", "", f"there is no agent.py beside it; {cure}"
    if code and manifest.image:
        yield "image", shown(manifest.image), "leave out image or agent.py; only one can run"


def _lambda_limits(manifest: Manifest) -> Iterator[Flaw]:
    if manifest.compute != "lambda":
        return
    if manifest.function_timeout > LAMBDA_TIMEOUT:
        value = format_duration(manifest.timeout)
        yield "timeout", shown(value), _too_long_for_lambda(manifest)
    yield from _between("memory", manifest.memory, LAMBDA_MEMORY, "Lambda")
    if manifest.isolation == "process" and manifest.memory < PROCESS_MEMORY:
        cure = f'write {PROCESS_MEMORY} or more: with isolation = "process" worker and job share it'
        yield "memory", shown(manifest.memory), cure
    yield from _between("ephemeral_storage", manifest.ephemeral_storage, LAMBDA_STORAGE, "Lambda")
    if manifest.cpu is not None:
        yield "cpu", shown(manifest.cpu), "leave it out: Lambda gives cpu in proportion to memory"


def _too_long_for_lambda(manifest: Manifest) -> str:
    batch, margin = manifest.queue.batch, format_duration(LAMBDA_MARGIN)
    sum_ = f"{batch} x {format_duration(manifest.timeout)} + {margin}"
    fitting = largest_batch(manifest.timeout)
    smaller = f"lower queue.batch to {fitting}, or " if fitting else ""
    return (
        f"a batch may take {sum_} = {format_duration(manifest.function_timeout)}, and Lambda stops at "
        f'{format_duration(LAMBDA_TIMEOUT)}; {smaller}set compute = "fargate"'
    )


def _fargate_limits(manifest: Manifest) -> Iterator[Flaw]:
    if manifest.compute == "lambda":
        return
    if manifest.timeout > FARGATE_TIMEOUT:
        cure = "at most 11h30m: SQS hides no message for longer than 12h; split it by checkpoints"
        yield "timeout", shown(format_duration(manifest.timeout)), cure
    if manifest.compute != "fargate":
        return
    yield from _between("ephemeral_storage", manifest.ephemeral_storage, FARGATE_STORAGE, "Fargate")
    cpu = FARGATE_CPU if manifest.cpu is None else manifest.cpu
    if cpu not in FARGATE_MEMORY:
        known = ", ".join(map(str, FARGATE_MEMORY))
        yield "cpu", shown(cpu), f"write one of {known}: units of 1/1024 vCPU"
        return
    low, high, step = FARGATE_MEMORY[cpu]
    smallest = cpu == FARGATE_CPU and manifest.memory == 512
    if not smallest and (not low <= manifest.memory <= high or (manifest.memory - low) % step):
        less = "512, or " if cpu == FARGATE_CPU else ""
        cure = f"with cpu = {cpu} Fargate takes {less}{low} to {high} in steps of {step} MiB"
        yield "memory", shown(manifest.memory), cure


def _compute(manifest: Manifest) -> Iterator[Flaw]:
    if manifest.compute == "http" and manifest.endpoint is None:
        yield "endpoint", "(missing)", "add [endpoint] with the url of the service"
    if manifest.compute != "http" and manifest.endpoint is not None:
        yield "endpoint", manifest.endpoint.url, 'set compute = "http", or leave [endpoint] out'
    if manifest.compute == "http" and manifest.image is not None:
        yield "image", shown(manifest.image), "leave it out: someone else runs an http agent"
    if manifest.command and manifest.image is None:
        yield "command", shown(list(manifest.command)), "add image, or leave command out"
    if manifest.isolation == "task" and manifest.compute != "fargate":
        yield "isolation", shown("task"), 'set compute = "fargate": only it has a task per job'


def _different(manifest: Manifest) -> Iterator[Flaw]:
    """Schedules and webhooks are told apart by name; equal S3 triggers would start each job twice."""
    lists: tuple[tuple[str, list[object]], ...] = (
        ("schedule", [schedule.name for schedule in manifest.schedules]),
        ("webhook", [webhook.name for webhook in manifest.webhooks]),
        ("s3", list(manifest.s3)),
    )
    for key, entries in lists:
        for number, entry in enumerate(entries):
            if entry in entries[:number]:
                at = key if key == "s3" else f"{key}[{number}].name"
                yield at, shown(entry), "it stands there twice; keep one or change it"


def _between(key: str, value: int | None, bounds: tuple[int, int], who: str) -> Iterator[Flaw]:
    low, high = bounds
    if value is not None and not low <= value <= high:
        yield key, shown(value), f"{who} takes {low} to {high} MiB"


_RULES: tuple[Rule, ...] = (_folder, _lambda_limits, _fargate_limits, _compute, _different)
