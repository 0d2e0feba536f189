"""One wrong thing each: the problem names file, key, value and cure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from muster.manifest import ManifestError, Problem, load_agents, load_manifest

Problems = Callable[..., list[Problem]]

#: What stands in the manifest, the key that is told, what the cure says.
WRONG = [
    ('timeout = "soon"', "timeout", "90s, 2m or 1h30m"),
    ("timeout = 60", "timeout", "in quotes"),
    ('timeout = "0s"', "timeout", "at least 1s"),
    ('timeout = "15m"', "timeout", 'compute = "fargate"'),
    (
        'timeout = "2m"\n[queue]\nbatch = 10',
        "timeout",
        "10 x 2m .* = 20m15s.*batch to 7, or set",
    ),
    ('compute = "fargate"\ntimeout = "11h31m"', "timeout", "at most 11h30m"),
    ('compute = "ec2"', "compute", "one of lambda, fargate, http"),
    ('compute = ["lambda"]', "compute", "one of lambda"),
    ("memory = 64", "memory", "from 128"),
    ("memory = 10241", "memory", "Lambda takes 128 to 10240 MiB"),
    ("memory = true", "memory", "whole number"),
    ("cpu = 256", "cpu", "Lambda gives cpu in proportion to memory"),
    ('compute = "fargate"\ncpu = 300', "cpu", "256, 512"),
    ('compute = "fargate"\ncpu = 1024\nmemory = 512', "memory", "2048 to 8192 in steps of 1024"),
    ('compute = "fargate"\nephemeral_storage = 512', "ephemeral_storage", "21504 to 204800"),
    ("ephemeral_storage = 20000", "ephemeral_storage", "512 to 10240"),
    ('architecture = "riscv"', "architecture", "arm64, x86_64"),
    ("retries = -1", "retries", "from 0 to 99"),
    ("retries = 100", "retries", "from 0 to 99"),
    ("concurrency = 0", "concurrency", "from 1 to 1000"),
    ('isolation = "vm"', "isolation", "shared, process, task"),
    ('isolation = "task"', "isolation", "fargate"),
    ('isolation = "process"\nmemory = 128', "memory", "192 or more"),
    ('egress = "all"', "egress", "none, internet"),
    ("gpu = 1", "gpu", "neither Lambda nor Fargate has GPUs"),
    ('command = ["run"]', "command", "add image"),
    ('image = "registry/agent:1"', "image", "image or agent.py"),
    ('tags = ["a", "a"]', "tags", "different"),
    ('tags = "a"', "tags", "list"),
    ('capabilities = [""]', "capabilities", "non-empty"),
    ('cost_tags = { "aws:x" = "y" }', "cost_tags.aws:x", "none in aws:"),
    ("cost_tags = 5", "cost_tags", r"a table: \[cost_tags\]"),
    ('[env]\nAWS_REGION = "x"', "env.AWS_REGION", "AWS_, LAMBDA_, MUSTER_"),
    ('[env]\nALLOW_EXTERNAL_REQUESTS = "yes"', "env.ALLOW_EXTERNAL_REQUESTS", "the stage says"),
    ('[env]\nA = "x"', "env.A", "two or more letters"),
    ("[env]\nLIMIT = 5", "env.LIMIT", "text in quotes"),
    ('[secrets]\nTOKEN = "no spaces"', "secrets.TOKEN", "Secrets Manager"),
    ('[secrets]\nA = "feeds/token"', "secrets.A", "two or more letters, digits and _"),
    ('[env]\nTOKEN = "x"\n[secrets]\nTOKEN = "y"', "secrets.TOKEN", "keep one"),
    ('[permissions]\nread = ["*"]', "permissions.read", "bucket:uploads"),
    ('[permissions]\nadmin = ["bucket:uploads"]', "permissions.admin", "known are read, write"),
    ("[queue]\nbatch = 11", "queue.batch", "from 1 to 10"),
    ("[queue]\nfifo = true", "queue.fifo", "no delay per message"),
    ('[queue]\nlanes = ["high"]', "queue.lanes", "add normal"),
    ('[queue]\nlanes = ["normal", "slow"]', "queue.lanes", "urgent, critical, high, normal, low"),
    ("queue = []", "queue", r"a table: \[queue\]"),
    ('[input_schema]\ntype = "objekt"', "input_schema", "valid JSON Schema"),
    (
        '[input_schema]\n"$ref" = "https://x.example/s"',
        "input_schema",
        "only to parts of this schema",
    ),
    ('[output_schema]\npattern = "("', "output_schema", "valid JSON Schema"),
    ("[config]\nlimit = nan", "config.limit", "finite"),
    ("[config]\nday = 2024-01-01", "config.day", "text in quotes"),
    ("[config]\nbig = [9223372036854775808]", "config.big[0]", "64 bits"),
    ('[config]\nx = "\\u0000"', "config.x", "NUL"),
    (
        '[config]\nn = 5\n[config_schema]\nproperties.n.type = "string"',
        "config",
        "fit config_schema: n:",
    ),
    ('[[schedule]]\nname = "a"\ncron = "* * * *"', "schedule[0].cron", "five fields"),
    ('[[schedule]]\nname = "a"', "schedule[0].cron", "one of cron, every and at"),
    (
        '[[schedule]]\nname = "a"\ncron = "0 0 * * *"\nevery = "1h"',
        "schedule[0].every",
        "one of cron, every and at",
    ),
    ('[[schedule]]\nname = "a"\nevery = "5s"', "schedule[0].every", "at least 10s"),
    ('[[schedule]]\nname = "a"\nat = "soon"', "schedule[0].at", "2026-01-31T09:00:00"),
    ('[[schedule]]\nname = "a"\nat = 2026-01-31', "schedule[0].at", "2026-01-31T09:00:00"),
    (
        '[[schedule]]\nname = "a"\ntimezone = "Europe/Riga"\nat = 2026-03-29T03:30:00',
        "schedule[0].at",
        "clocks of Europe/Riga skip this time",
    ),
    (
        '[[schedule]]\nname = "a"\nevery = "1h"\nstart = 2026-02-01T00:00:00Z\nend = 2026-01-01T00:00:00Z',
        "schedule[0].end",
        "after start",
    ),
    (
        '[[schedule]]\nname = "a"\nat = 2026-01-31T09:00:00\nend = 2027-01-01T00:00:00Z',
        "schedule[0].end",
        "fires once",
    ),
    (
        '[[schedule]]\nname = "a"\nevery = "1h"\npriority = "asap"',
        "schedule[0].priority",
        "one of urgent",
    ),
    (
        '[[schedule]]\nname = "a"\nevery = "1h"\nenabled = "no"',
        "schedule[0].enabled",
        "true or false",
    ),
    ('[[schedule]]\nname = "a"\ncron = "60 * * * *"', "schedule[0].cron", "minute"),
    ('[[schedule]]\nname = "a"\ncron = "0 0 31 4 *"', "schedule[0].cron", "none of these months"),
    ('[[schedule]]\ncron = "0 0 * * *"', "schedule[0].name", "a letter first"),
    (
        '[[schedule]]\nname = "a"\ncron = "0 0 * * *"\ntimezone = "Mars/Base"',
        "schedule[0].timezone",
        "Europe/Berlin",
    ),
    (
        '[[schedule]]\nname = "a"\ncron = "0 0 * * *"\noverlap = "wait"',
        "schedule[0].overlap",
        "allow, skip, queue",
    ),
    (
        '[input_schema]\nrequired = ["url"]\n[[schedule]]\nname = "a"\ncron = "0 0 * * *"',
        "schedule[0].params",
        'fit input_schema: "url" is a required property',
    ),
    (
        '[[schedule]]\nname = "a"\ncron = "0 0 * * *"\n[[schedule]]\nname = "a"\ncron = "0 1 * * *"',
        "schedule[1].name",
        "twice",
    ),
    ('schedule = { name = "a" }', "schedule", r"\[\[schedule\]\]"),
    ('[[s3]]\nprefix = "x/"', "s3[0].bucket", "name a bucket"),
    ('[[s3]]\nbucket = "uploads"\n[[s3]]\nbucket = "uploads"', "s3", "twice"),
    ('[[webhook]]\nname = "chat"\nverify = "trust"', "webhook[0].verify", "standard-webhooks"),
    ('compute = "http"', "endpoint", r"\[endpoint\] with the url"),
    ('compute = "http"\n[endpoint]\nurl = "ftp://x"', "endpoint.url", "https://"),
    ('compute = "http"\n[endpoint]\nurl = "https://u:p@x"', "endpoint.url", "https://"),
    (
        'compute = "http"\n[endpoint]\nurl = "https://x"\nauthentication = "bearer"',
        "endpoint.secret",
        "or neither",
    ),
    ('[endpoint]\nurl = "https://x"', "endpoint", 'compute = "http"'),
    ('descripton = "x"', "descripton", "is it description?"),
    ("[queue]\nbatchh = 3", "queue.batchh", "is it batch?"),
    ("zzz = 1", "zzz", "known are architecture, "),
]


@pytest.mark.parametrize(("toml", "key", "cure"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_manifest_tells_its_one_problem(toml: str, key: str, cure: str, problems: Problems):
    found = problems(toml)

    assert [problem.key for problem in found] == [key]
    assert found[0].file.endswith("tidy/agent.toml")
    assert found[0].value
    assert re.search(cure, found[0].cure)


def test_a_tidy_manifest_has_no_problem(problems: Problems):
    assert problems("") == []


def test_all_problems_of_all_files_are_told_at_once(write: Callable[..., Path], tmp_path: Path):
    # Given four folders: two with two problems each, one unreadable, one twin, and a root that is not there
    write('id = "one"\ntimeout = "never"\nversion = "1"\nretries = -1', folder="one")
    write('id = "Two"', folder="two")
    write("id = ", folder="three")
    twin = tmp_path / "elsewhere" / "one"
    twin.mkdir(parents=True)
    (twin / "agent.toml").write_text('id = "one"\nversion = "2"')
    (twin / "agent.py").touch()
    (tmp_path / "elsewhere" / "agent.toml").write_text('id = "elsewhere"\nversion = "1"')
    (tmp_path / "elsewhere" / "agent.py").touch()

    # When they are read together
    with pytest.raises(ManifestError) as raised:
        load_agents([tmp_path, twin.parent, tmp_path / "missing"])

    # Then each problem is there, and in the message
    found = {(Path(p.file).parent.name, p.key) for p in raised.value.problems}
    assert found == {
        ("one", "timeout"),
        ("one", "retries"),
        ("one", "id"),
        ("two", "id"),
        ("two", "version"),
        ("three", ""),
        (tmp_path.name, ""),
    }
    assert str(raised.value).startswith("7 problems in manifests:\n")
    assert all(str(problem) in str(raised.value) for problem in raised.value.problems)


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        (b"id = ", "valid TOML"),
        (b"\xff\xfe", "save it as UTF-8"),
        (b"x = " + b"[" * 5000, "nest less deeply|valid TOML"),
        (None, "there is no manifest"),
    ],
)
def test_an_unreadable_manifest_is_one_problem(content: bytes | None, cure: str, tmp_path: Path):
    folder = tmp_path / "tidy"
    folder.mkdir()
    if content is not None:
        (folder / "agent.toml").write_bytes(content)

    with pytest.raises(ManifestError, match=cure) as raised:
        load_manifest(folder)

    assert len(raised.value.problems) == 1


def test_a_byte_order_mark_is_no_problem(write: Callable[..., Path]):
    root = write('\ufeffid = "tidy"\nversion = "1"')

    assert load_manifest(root / "tidy" / "agent.toml").id == "tidy"


def test_folder_and_id_must_agree(problems: Problems):
    found = problems("", folder="other")

    assert [(p.key, p.value) for p in found] == [("id", "'tidy'")]
    assert "the folder is other" in found[0].cure


def test_an_agent_without_code_is_told_so(problems: Problems):
    (found,) = problems("", code=False)

    assert "no agent.py" in found.cure
    assert "or name an image" in found.cure


@pytest.mark.parametrize(
    "toml",
    ['image = "registry/agent:1"', 'compute = "http"\n[endpoint]\nurl = "https://x.example"'],
)
def test_an_image_or_an_endpoint_needs_no_code(toml: str, problems: Problems):
    assert problems(toml, code=False) == []


def test_caches_hidden_folders_and_files_are_no_agents(write: Callable[..., Path], tmp_path: Path):
    write('id = "tidy"\nversion = "1"')
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / ".idea").mkdir()
    (tmp_path / "left-over" / "__pycache__").mkdir(parents=True)
    (tmp_path / "handler.py").touch()

    assert [manifest.id for manifest in load_agents([tmp_path])] == ["tidy"]
