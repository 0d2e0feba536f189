"""Every query that the documents show is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from muster.store.migrate import migrate
from muster.store.migration import agent_migrations
from tests.support.source import ROOT

_BLOCK = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)


def queries(text: str) -> list[str]:
    """The statements of a document that only read."""
    statements = [s.strip() for block in _BLOCK.findall(text) for s in block.split(";")]
    return [statement for statement in statements if statement.startswith("SELECT")]


def _documented() -> Iterator[tuple[str, str]]:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        name = document.relative_to(ROOT).as_posix()
        for number, query in enumerate(queries(document.read_text("utf-8")), 1):
            yield f"{name}-{number}", query


DOCUMENTED = dict(_documented())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_query_that_a_document_shows_runs(name: str, database_url: str):
    # Given a database with the tables of Muster and of its agents
    folders = [path.parent for path in (ROOT / "lambdas/agents").glob("*/migrations")]
    with closing(psycopg2.connect(database_url)) as connection:
        migrate(connection, agents=agent_migrations(folders))
        connection.set_session(readonly=True)
        # When the query is run, by somebody who may only read
        with connection, connection.cursor() as cursor:
            cursor.execute(DOCUMENTED[name])
            # Then it has an answer
            assert cursor.description


def test_the_documents_answer_the_questions_of_a_night():
    names = [name for name in DOCUMENTED if name.startswith("docs/runbooks/troubleshooting")]
    assert len(names) == 8


def test_only_what_reads_is_taken_for_a_query():
    text = "```sql\nSELECT 1;\nSELECT 2;\n```\n```sql\nINSERT INTO t VALUES (1);\n```\n"
    assert queries(text) == ["SELECT 1", "SELECT 2"]
