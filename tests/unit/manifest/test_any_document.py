"""Whatever stands in a manifest: problems, never a traceback; and what is read comes back from JSON."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.manifest import ManifestError, from_json, load_manifest, to_json
from muster.manifest.parse import parse

#: Every word that the parser knows as a key or a value, and some that it does not.
WORDS = st.sampled_from(
    """
    id version name description compute timeout memory cpu ephemeral_storage architecture retries
    concurrency isolation egress image command capabilities tags cost_tags queue env secrets permissions
    input_schema output_schema config_schema config metadata endpoint schedule s3 webhook gpu batch lanes
    fifo cron every at start end enabled priority
    timezone params overlap missed bucket prefix suffix verify url type method authentication
    secret read write $ref properties required lambda fargate http 1m @daily normal high bucket:uploads
    object UTC #/x
    """.split()  # noqa: SIM905 - a list of 70 words reads worse
)
KEYS = WORDS
SCALARS = (
    WORDS
    | st.text(max_size=20)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.datetimes()
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=15,
)
DOCUMENTS = st.dictionaries(KEYS | st.text(max_size=8), VALUES, max_size=12)

NAMES = st.text(string.ascii_lowercase, min_size=2, max_size=10)
GOOD = st.fixed_dictionaries(
    {
        "id": NAMES,
        "version": st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
        "timeout": st.integers(1, 80).map(lambda n: f"{n}s"),
    },
    optional={
        "retries": st.integers(0, 99),
        "memory": st.integers(128, 10240),
        "tags": st.lists(NAMES, unique=True, max_size=3),
        "queue": st.fixed_dictionaries({}, optional={"batch": st.integers(1, 10)}),
        "env": st.dictionaries(
            NAMES.map(str.upper), st.text(string.printable, max_size=9), max_size=2
        ),
        "config": st.dictionaries(NAMES, st.none() | st.booleans() | st.integers(0, 9), max_size=3),
        "s3": st.lists(
            st.fixed_dictionaries({"bucket": NAMES}), max_size=2, unique_by=lambda t: t["bucket"]
        ),
        "permissions": st.fixed_dictionaries({"read": st.just(["bucket:uploads"])}),
    },
)


@given(DOCUMENTS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_document_gives_problems_or_a_manifest_that_json_can_hold(document: dict[str, Any]):
    manifest, problems = parse(document, file="agent.toml")

    for problem in problems:
        assert problem.cure
        str(problem).encode()
    if not problems:
        json.dumps(to_json(manifest), allow_nan=False)


@given(st.text(max_size=200))
@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_text_in_the_file_gives_problems(tmp_path: Path, text: str):
    folder = tmp_path / "tidy"
    folder.mkdir(exist_ok=True)
    (folder / "agent.toml").write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(ManifestError) as raised:
        load_manifest(folder)

    assert raised.value.problems


@given(GOOD)
@settings(deadline=None)
def test_a_good_manifest_comes_back_from_its_json(document: dict[str, Any]):
    manifest, problems = parse(document, file="agent.toml")

    assert problems == []
    assert from_json(json.loads(json.dumps(to_json(manifest)))) == manifest
