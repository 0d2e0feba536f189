"""Who may do what in the database: the table in the docs, and nothing besides."""

from __future__ import annotations

import re
from contextlib import closing

import psycopg2
import pytest
from psycopg2 import errors

from muster.database_roles import DatabaseRole
from muster.dispatcher.tick import do_duties
from muster.store.migrate import migrate
from muster.store.migration import Migration
from tests.support.clerk import query
from tests.support.logins import API, DISPATCHER, WORKER, as_login
from tests.support.source import ROOT
from tests.support.worker import Workshop

PAGE = ROOT / "docs" / "reference" / "database-roles.md"

#: What each group has of its own, or by what everybody has.
_RIGHTS = """
WITH grants AS (
    SELECT c.relname AS name, '' AS columns, a.grantee, a.privilege_type
      FROM pg_class c CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
       AND a.grantee <> c.relowner
    UNION ALL
    SELECT c.relname, string_agg(t.attname, ', ' ORDER BY t.attnum), a.grantee, a.privilege_type
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid CROSS JOIN LATERAL aclexplode(t.attacl) a
     WHERE c.relnamespace = 'public'::regnamespace
     GROUP BY c.relname, a.grantee, a.privilege_type
    UNION ALL
    SELECT p.proname || '()', '', a.grantee, a.privilege_type
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND a.grantee <> p.proowner
)
SELECT name, coalesce(r.rolname, 'public') AS grantee, privilege_type AS privilege, columns
  FROM grants g LEFT JOIN pg_roles r ON r.oid = g.grantee ORDER BY 1, 2, 3
"""
_EVERYTHING = """
SELECT c.relname AS name FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
   AND NOT c.relispartition
   AND NOT (c.relkind = 'S'
            AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT p.proname || '()' FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
"""

#: What no component may do: change the schema, the log, another's rights, or itself.
_NOBODYS = (
    "CREATE TABLE mine (n int)",
    "CREATE SCHEMA mine",
    "DROP TABLE task",
    "ALTER TABLE task ADD COLUMN n int",
    "CREATE INDEX ON agent_job_execution (params)",
    "ALTER FUNCTION agent_metric_v1(jsonb, text) STABLE",
    "TRUNCATE agent_job_execution",
    "DELETE FROM agent_job_execution",
    "UPDATE execution_event SET kind = 'x'",
    "INSERT INTO schema_migration VALUES (9999, 'x', 'x')",
    "INSERT INTO api_key (key_id, digest, name, role) VALUES ('0123456789abcdef', sha256('x'), 'x', 'admin')",
    "UPDATE api_key SET role = 'admin'",
    "UPDATE webhook_endpoint SET verify = 'hmac'",
    "CREATE ROLE another LOGIN",
    "SET ROLE muster",
    "COPY task TO PROGRAM 'true'",
)
#: What one of them may not: neither workers nor the dispatcher see what proves a key.
_KEYS = ("SELECT digest FROM api_key", "SELECT key_id FROM api_key", "TABLE webhook_endpoint")
_SWITCH = "UPDATE agent_registry SET enabled = false"
_NOT_OF = {
    WORKER: (*_KEYS, _SWITCH, "SELECT muster_ensure_partitions_v1(now(), 1)"),
    DISPATCHER: (*_KEYS, _SWITCH),
    API: ("TABLE lease", "SELECT muster_drop_partition_v1('1 day', '1 day', 1)"),
}


def _table() -> dict[str, list[str]]:
    """Name -> what stands in the columns of each group, as the page has it."""
    rows = re.findall(r"^\| `([\w()]+)` \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def _groups() -> list[str]:
    head = re.search(r"^\| table \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert head is not None
    return [cell.strip(" `") for cell in head[1].split("|")]


def _written() -> set[tuple[str, str, str, str]]:
    """(name, group, privilege, columns) of every right on the page."""
    found: set[tuple[str, str, str, str]] = set()
    for name, cells in _table().items():
        for group, cell in zip(_groups(), cells, strict=True):
            for word, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", cell):
                found.add((name, group, word, columns))
    return found


def _refused(url: str, statement: str) -> bool:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except errors.InsufficientPrivilege:
            return True
        finally:
            connection.rollback()
    return False


def test_the_rights_of_each_role_are_those_of_the_committed_table(each_database_url: str):
    # Given a migrated database, on every version of PostgreSQL
    rights = {
        (row["name"], row["grantee"], row["privilege"], row["columns"])
        for row in query(each_database_url, _RIGHTS)
    }
    # When its rights are compared with the page / Then neither has one that the other has not
    assert rights == _written()


def test_everything_in_the_database_is_in_the_table(database_url: str):
    # Given every table, view, sequence and function that acts as its owner
    there = {row["name"] for row in query(database_url, _EVERYTHING)}
    # Then the page says of each who may do what, be it nobody; and it speaks of nothing else
    assert set(_table()) == there


def test_a_login_has_its_groups_rights_and_is_nothing_more(database_url: str):
    roles = query(
        database_url,
        "SELECT l.rolname, g.rolname AS in_group, l.rolsuper OR l.rolcreatedb OR l.rolcreaterole"
        " OR l.rolreplication OR l.rolbypassrls AS more"
        " FROM pg_roles l JOIN pg_auth_members m ON m.member = l.oid"
        " JOIN pg_roles g ON g.oid = m.roleid WHERE l.rolname LIKE 'muster_test_%%' ORDER BY 1",
    )
    assert [(r["rolname"], r["in_group"], r["more"]) for r in roles] == [
        (role.login("test"), role.group, False) for role in sorted((API, DISPATCHER, WORKER))
    ]


@pytest.mark.parametrize("role", [WORKER, DISPATCHER, API])
def test_what_a_component_has_no_need_of_is_refused(database_url: str, role: DatabaseRole):
    # Given the login of a component, as an injected statement would find it
    url = as_login(database_url, role)
    # When it is used for what the component never does / Then each is refused
    tried = [*_NOBODYS, *_NOT_OF[role]]
    assert [statement for statement in tried if not _refused(url, statement)] == []


def test_all_duties_are_within_the_rights_of_whoever_has_them(database_url: str):
    # Given the dispatcher, and a leader of listeners, who has the ledger's upkeep with a worker's login
    with closing(Workshop(database_url)) as shop:
        upkeep = shop.duties(database=shop.database).upkeep.all()
        # When both do what they do
        ticked = shop.tick()
        led = do_duties(
            upkeep, end=shop.clock.monotonic() + 60, clock=shop.clock, log=shop.log.logger
        )
    # Then nothing was refused
    assert (ticked.failed, led.failed) == ((), ())
    assert set(led.done) == {duty.name for duty in upkeep}


def test_giving_a_role_up_gives_nothing_more(database_url: str):
    # Given a login, and not the owner who has taken a role
    url = as_login(database_url, API)
    # When what was injected gives up what it can / Then it may do no more
    assert _refused(url, "RESET ROLE; RESET SESSION AUTHORIZATION; CREATE TABLE mine (n int)")


@pytest.fixture
def agents_database(database_url: str) -> str:
    """A database in which an agent has a table and a sequence, made by two migrations."""
    first = Migration(
        version=1, name="one", sql="CREATE TABLE seen (n serial)", agent_id="reads-it"
    )
    later = Migration(version=2, name="two", sql="CREATE TABLE more (n int)", agent_id="reads-it")
    with closing(psycopg2.connect(database_url)) as connection:
        migrate(connection, agents=[first])
        migrate(connection, agents=[first, later])
    return database_url


def test_an_agents_tables_are_its_workers_and_nobody_elses(agents_database: str):
    # Given an agent's tables, those of a later migration included
    use = "INSERT INTO agent_reads_it.seen DEFAULT VALUES; DELETE FROM agent_reads_it.more"
    # When workers use them / Then they may; others, and changes of the tables themselves, are refused
    assert not _refused(as_login(agents_database, WORKER), use)
    assert _refused(as_login(agents_database, WORKER), "ALTER TABLE agent_reads_it.seen ADD x int")
    assert _refused(as_login(agents_database, API), "TABLE agent_reads_it.seen")
    assert _refused(as_login(agents_database, DISPATCHER), "TABLE agent_reads_it.seen")
