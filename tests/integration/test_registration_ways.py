"""An agent behind an endpoint, registered in every way there is: each ends in the same row."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from muster.cli import main
from muster.keys.access import Role
from muster.registration.by_service import Service, register_service
from muster.store.connection import Database
from tests.support.api_calls import Api
from tests.support.clerk import database_of, query
from tests.support.source import ROOT
from tests.support.timepiece import Timepiece

URL = "https://digest.example/execute"

#: Columns that say when and by whom, and what a manifest is, not what the agent is.
CIRCUMSTANCES = ("created_at", "updated_at", "manifest", "manifest_digest")

_MANIFEST = f"""
id = "digest"
version = "1.0.0"
compute = "http"
timeout = "2m"

[endpoint]
url = "{URL}"
"""


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    """The API on an empty registry."""
    made = Api(url=database_url, database=database_of(database_url))
    made.key = made.new_key(Role.AGENT)
    yield made
    made.database.close()


def _by_sql(api: Api, _: Path) -> None:
    endpoint = {"type": "http", "url": URL, "method": "POST"}
    query(
        api.url,
        "INSERT INTO agent_registry (agent_id, agent_version, endpoint) VALUES ('digest', '1.0.0', %s)",
        json.dumps(endpoint),
    )


def _by_manifest(api: Api, folder: Path) -> None:
    (folder / "digest").mkdir()
    (folder / "digest" / "agent.toml").write_text(_MANIFEST)
    assert main(["register", str(folder / "digest")], environ={"DATABASE_URL": api.url}) == 0


def _by_itself(api: Api, _: Path) -> None:
    environ = {"DATABASE_URL": api.url, "AGENT_ID": "digest", "AGENT_URL": URL}
    assert main(["register", "--self"], environ={**environ, "AGENT_VERSION": "1.0.0"}) == 0


def _by_api(api: Api, _: Path) -> None:
    body = {"agent_id": "digest", "agent_version": "1.0.0", "endpoint": {"url": URL}}
    assert api.call("POST", "/v1/agents", body=body).status == 201


def _by_hub(api: Api, _: Path) -> None:
    body = {"agentId": "digest", "agentVersion": "1.0.0", "endpoint": {"url": URL}}
    assert api.call("POST", "/api/registry/register", body=body).status == 200


def _by_first_instance(api: Api, _: Path) -> None:
    body = {"agentId": "digest", "agentVersion": "1.0.0", "endpoint": {"url": URL}}
    assert api.call("POST", "/api/register", body={**body, "instanceId": "d-1"}).status == 200


def _on_cold_start(api: Api, _: Path) -> None:
    service = Service(agent_id="digest", url=URL, version="1.0.0")
    register_service(
        service, database=api.database, tenant="default", clock=Timepiece(), give_up_seconds=1
    )


WAYS: tuple[Callable[[Api, Path], None], ...] = (
    _by_sql,
    _by_manifest,
    _by_itself,
    _by_api,
    _by_hub,
    _by_first_instance,
    _on_cold_start,
)


def test_every_way_ends_in_the_same_row_column_by_column(api: Api, tmp_path: Path):
    # Given an agent that is registered by each way in turn
    rows: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        query(api.url, "DELETE FROM agent_registry")
        way(api, tmp_path)
        (row,) = query(api.url, "SELECT * FROM agent_registry")
        rows[way.__name__] = {k: v for k, v in row.items() if k not in CIRCUMSTANCES}
    # Then the rows agree, in all columns
    assert [name for name, row in rows.items() if row != rows["_by_sql"]] == [], rows


def test_a_service_that_starts_before_its_database_goes_on_trying(api: Api):
    # Given a database that is away for the first tries
    tries: list[int] = []

    class Away:
        def run(self, statement: Any, parameters: Any = None) -> Any:
            tries.append(1)
            if len(tries) < 4:
                from muster.errors import StoreUnavailable

                raise StoreUnavailable("away")
            return api.database.run(statement, parameters)

    clock = Timepiece()
    started = clock.monotonic()
    # When a service registers itself
    service = Service(agent_id="digest", url=URL, instance_id="d-1")
    register_service(
        service,
        database=cast("Database", Away()),
        tenant="default",
        clock=clock,
        give_up_seconds=60,
    )
    # Then it is there in the end, after pauses that grew
    assert clock.monotonic() - started >= 0.25 + 0.5 + 1
    found = query(api.url, "SELECT l.agent_id FROM agent_instance_agent l")
    assert [row["agent_id"] for row in found] == ["digest"]


def test_replicas_do_not_move_their_agents_endpoint(api: Api):
    for number in range(3):
        environ = {"AGENT_ID": "digest", "AGENT_URL": f"https://replica-{number}.example"}
        service = Service.from_environ(environ, hostname=f"pod-{number}")
        register_service(
            service, database=api.database, tenant="default", clock=Timepiece(), give_up_seconds=1
        )
    (row,) = query(api.url, "SELECT endpoint ->> 'url' AS url FROM agent_registry")
    assert row["url"] == "https://replica-0.example"
    assert len(query(api.url, "SELECT 1 FROM agent_instance")) == 3


def test_a_service_says_what_its_environment_lacks(capsys: pytest.CaptureFixture[str]):
    assert main(["register", "--self"], environ={"DATABASE_URL": "postgresql://u@127.0.0.1/x"}) == 2
    assert "AGENT_ID and AGENT_URL" in capsys.readouterr().err


def test_an_instance_is_managed_from_the_shell(api: Api, capsys: pytest.CaptureFixture[str]):
    def run(*argv: str) -> Any:
        code = main(["instance", *argv, "--json"], environ={"DATABASE_URL": api.url})
        out = capsys.readouterr().out
        return json.loads(out) if code == 0 else code

    # Given an instance that was registered from the shell
    made = run("register", "one", "--agent", "digest", "--capability", "ocr", "--capacity", "4")
    assert (made["condition"], made["capacity"], made["agents"]) == ("active", 4, ["digest"])
    # When an operator orders maintenance, and it beats
    run("order", "one", "maintenance")
    # Then it stays in maintenance until another order, and the API says the same
    assert run("beat", "one")["condition"] == "maintenance"
    assert api.call("GET", "/v1/instances/one").json["status"] == "maintenance"
    assert run("order", "one", "active")["condition"] == "active"
    assert run("deregister", "one")["condition"] == "inactive"
    assert run("show", "nobody") == 3


def _recipe(language: str) -> list[str]:
    text = (ROOT / "docs" / "guides" / "registration.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_recipes_of_the_guide_work(api: Api):
    # Given the recipes that the guide shows
    (sql,), (terraform,), (itself, script) = _recipe("sql"), _recipe("hcl"), _recipe("bash")
    # When the SQL runs, twice, then the agent is there, once
    for _ in range(2):
        query(api.url, sql)
    assert len(query(api.url, "SELECT 1 FROM agent_registry WHERE active")) == 1
    # And what the script posts is taken, with the same row as a result
    body = json.loads(re.findall(r"-d '(.*?)'", script, re.DOTALL)[0])
    assert api.call("POST", "/v1/agents", body=body).status == 200
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    # And the commands of the others are understood
    command = shlex.split(itself)
    environ = dict(word.split("=", 1) for word in command[:3])
    assert main(command[4:], environ={**environ, "DATABASE_URL": api.url}) == 0
    assert re.findall(r'command = "(.*?)"', terraform) == [shlex.join(command[3:])]
    assert {"AGENT_ID", "AGENT_URL", "AGENT_VERSION", "DATABASE_URL"} <= set(terraform.split())


def test_a_definition_without_a_process_never_expires(api: Api):
    # Given an agent behind a queue, registered long ago, of which no process was ever heard
    query(
        api.url,
        "INSERT INTO agent_registry (agent_id, endpoint, created_at, updated_at, last_heartbeat) VALUES"
        " ('old', '{\"type\": \"sqs\", \"queues\": {}}', now() - interval '1 year',"
        " now() - interval '1 year', now() - interval '1 year')",
    )
    # When the sweep has run, then it is still discovered
    from muster.store.instances import Instances

    Instances(api.database).sweep()
    agents = api.call("GET", "/v1/agents", query={"enabled": "true"}).json["agents"]
    assert [agent["agent_id"] for agent in agents] == ["old"]
