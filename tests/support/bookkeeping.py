"""What tests of `ledger-posting` share: S3 in memory, files, and a desk that runs its jobs."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
from botocore.exceptions import ClientError

from muster import Job, JobDatabase
from muster.agent_loader import load_agent
from muster.crashpoint import CrashPointReached
from muster.store.migrate import migrate
from muster.store.migration import agent_migrations
from muster.store.opening import open_tables
from tests.support.clerk import database_of, query

FOLDER = Path(__file__).parents[2] / "lambdas" / "agents" / "ledger-posting"
BUCKET = "uploads"
HEADER = "transaction_id,booked_on,debit_account,credit_account,amount,currency,description"

CONFIG: dict[str, Any] = tomllib.loads((FOLDER / "agent.toml").read_text("utf-8"))["config"]

load_agent(FOLDER)


def part(name: str) -> Any:
    """A module of the agent."""
    load_agent(FOLDER)
    full = f"muster_agents.ledger_posting.{name}"
    return sys.modules[full]


class MemoryS3:
    """A bucket with versions, as far as the agent asks; `asked` is what it was asked for.

    Args:
        whole: answer with the whole object, whichever part is asked for.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.versions: dict[str, list[bytes]] = {}
        self.asked: list[tuple[str, str | None]] = []

    def put(self, key: str, content: bytes | str) -> dict[str, str]:
        """Write a version; the params of a job for it."""
        kept = content.encode() if isinstance(content, str) else content
        self.versions.setdefault(key, []).append(kept)
        return {"bucket": BUCKET, "key": key, "version_id": str(len(self.versions[key]))}

    def head_object(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(("head", None))
        content, version = self._find(wanted)
        return {"ContentLength": len(content), "ETag": _etag(content), "VersionId": version}

    def get_object(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(("get", wanted.get("Range")))
        content, _ = self._find(wanted)
        if wanted.get("IfMatch", _etag(content)) != _etag(content):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        if self.whole or "Range" not in wanted:
            return {"Body": io.BytesIO(content)}
        first, last = map(int, re.findall(r"\d+", wanted["Range"]))
        told = f"bytes {first}-{last}/{len(content)}"
        return {"ContentRange": told, "Body": io.BytesIO(content[first : last + 1])}

    def _find(self, wanted: Mapping[str, Any]) -> tuple[bytes, str]:
        versions = self.versions.get(wanted["Key"], [])
        number = int(wanted.get("VersionId", len(versions)))
        if not 0 < number <= len(versions):
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return versions[number - 1], str(number)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'


def csv_file(lines: Iterable[str]) -> str:
    """A CSV file of these lines."""
    return "\n".join([HEADER, *lines, ""])


def csv_line(number: int, *, cents: int = 100, **changes: str) -> str:
    """A transaction of its own for each number, among a few accounts."""
    fields = {
        "transaction_id": f"t-{number:08}",
        "booked_on": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "debit_account": f"receivable:{number % 7}",
        "credit_account": f"sales:{number % 5}",
        "amount": f"{Decimal(cents) / 100:.2f}",
        "currency": "EUR",
        "description": "",
        **changes,
    }
    return ",".join(fields.values())


@dataclass
class Desk:
    """One worker's place: the agent's tables on its own connection, and its jobs' progress."""

    url: str
    database: JobDatabase
    s3: MemoryS3
    config: Mapping[str, Any] = field(default_factory=lambda: CONFIG)
    #: The last checkpoint of each job.
    states: dict[str, Any] = field(default_factory=dict[str, Any])
    counters: dict[str, int] = field(default_factory=dict[str, int])

    def job(self, params: Mapping[str, Any], **fields: Any) -> Job:
        """An attempt at the job of this object version."""
        job_id = fields.pop("id", f"{params['key']}@{params.get('version_id')}")
        config = {**self.config, **fields.pop("config", {})}
        values: dict[str, Any] = {
            "id": job_id,
            "params": params,
            "config": config,
            "state": self.states.get(job_id),
            "save": lambda state: self.states.__setitem__(job_id, state),
            "database": self.database,
            "counters": self.counters,
            **fields,
        }
        return Job(**values)

    def post(self, params: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Run one attempt to its end."""
        return part("posting").post_file(self.job(params, **fields), client=self.s3)

    def attempt(
        self, params: Mapping[str, Any], *, dies_at: int | None, **fields: Any
    ) -> dict[str, Any] | None:
        """Run one attempt that dies at the given passage (see `Mortal`); None if it did."""
        mortal, job = Mortal(dies_at), self.job(params, **fields)
        dying = replace(job, database=mortal.database(job.database), save=mortal.save(job.save))
        try:
            return part("posting").post_file(dying, client=self.s3)
        except Killed:
            return None

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """(account, currency) -> what its entries come to."""
        rows = query(self.url, "SELECT account, currency, amount FROM agent_ledger_posting.balance")
        return {(row["account"], row["currency"]): row["amount"] for row in rows}

    def count(self, table: str) -> int:
        """Rows of one of the agent's tables."""
        return query(self.url, f"SELECT count(*) AS n FROM agent_ledger_posting.{table}")[0]["n"]


def opened_books(url: str) -> str:
    """Make the agent's tables in this database; its URL."""
    with closing(psycopg2.connect(url)) as connection:
        migrate(connection, agents=agent_migrations([FOLDER]))
    return url


def tables_at(url: str) -> tuple[JobDatabase, Callable[[], None]]:
    """The agent's statements on a connection of their own, and what closes it."""
    database = database_of(url)
    return open_tables(database, agent_id="ledger-posting", folder=FOLDER), database.close


def balances_of(lines: Iterable[str]) -> dict[tuple[str, str], Decimal]:
    """What the books must say after these lines of CSV, each transaction counted once."""
    seen: set[str] = set()
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        identity, _, debit, credit, amount, currency, *_ = line.split(",")
        if identity in seen:
            continue
        seen.add(identity)
        for account, signed in ((debit, Decimal(amount)), (credit, -Decimal(amount))):
            key = (account, currency)
            sums[key] = sums.get(key, Decimal(0)) + signed
    return sums


def numbered(count: int, *, first: int = 0) -> list[str]:
    """Lines of transactions of growing amounts."""
    return [
        csv_line(n, cents=100 + n % 991) for n in itertools.islice(itertools.count(first), count)
    ]


class Killed(CrashPointReached):
    """The worker is gone; nothing of the agent sees it coming."""


class Mortal:
    """Dies at one passage of the places where what was done and what is known of it differ.

    The places are: before and after each statement that writes, and before and after each checkpoint.
    """

    def __init__(self, dies_at: int | None) -> None:
        self._left = dies_at

    def pass_by(self) -> None:
        """One place."""
        if self._left == 0:
            raise Killed
        if self._left is not None:
            self._left -= 1

    def database(self, database: JobDatabase) -> MortalDatabase:
        """The database of a job that dies."""
        return MortalDatabase(database, self)

    def save(self, save: Callable[[Any], None]) -> Callable[[Any], None]:
        """The checkpoints of a job that dies."""

        def mortal(state: Any) -> None:
            self.pass_by()
            # Through JSON, as the ledger keeps it.
            save(json.loads(json.dumps(state)))
            self.pass_by()

        return mortal


@dataclass(frozen=True)
class MortalDatabase:
    """Passes by before and after what it does."""

    inner: JobDatabase
    mortal: Mortal

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self.mortal.pass_by()
        rows = self.inner.run(name, params)
        self.mortal.pass_by()
        return rows
