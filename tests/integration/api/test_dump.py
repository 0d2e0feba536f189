"""Security: whoever gets hold of a dump of the database can call nobody with it."""

from __future__ import annotations

import re
import subprocess

from local.postgres_binaries import binaries
from tests.support.api_calls import Api

_IDS = re.compile(r"\b[0-9a-f]{16}\b")
#: Digests as pg_dump writes bytes, and whatever else is as long as a secret.
_CANDIDATES = re.compile(r"\\+x([0-9a-f]{64})|([A-Za-z0-9_-]{43})")


def dump_of(url: str) -> str:
    """The database as pg_dump writes it."""
    program = binaries() / "pg_dump"
    return subprocess.run(
        [program, "--dbname", url], capture_output=True, text=True, check=True, timeout=300
    ).stdout


def test_a_dump_of_the_database_holds_no_usable_key(api: Api, database_url: str):
    # Given a key that was called with, and a short-lived token made of it
    assert api.call("GET", "/v1/jobs").status == 200
    token = api.call("POST", "/v1/tokens", body={}).json["token"]
    dump = dump_of(database_url)
    # Then the dump knows the key's id, and neither its secret nor the token
    key_id, secret = api.key.split("_", 2)[1:]
    assert key_id in dump
    assert secret not in dump
    assert token not in dump
    assert token.rsplit(".", 1)[-1] not in dump
    # And nothing in it passes for a key
    ids = set(_IDS.findall(dump))
    found = {part for match in _CANDIDATES.findall(dump) for part in match if part}
    tried = [f"mstr_{one}_{text[:43]:0<43}" for one in ids for text in found] + sorted(found)
    assert tried
    assert {api.call("GET", "/v1/jobs", key=text).status for text in tried[:500]} == {401}
