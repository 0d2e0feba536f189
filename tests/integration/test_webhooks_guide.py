"""Everything that the guide to webhooks shows works, in the order in which it is shown."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from local.emulator import REGION
from muster.aws.secrets import Secrets
from muster.cli import main
from muster.cli.exit import Exit
from muster.contracts import hook_secret_name
from muster.job import Job
from muster.manifest import load_manifest
from tests.support.api_calls import STAGE, Api, event
from tests.support.clerk import database_of, query
from tests.support.emulator import session
from tests.support.registration import Stack, service
from tests.support.source import ROOT

GUIDE = (ROOT / "docs/guides/webhooks.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def _commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for block in _blocks("sh") for line in block.splitlines()]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager of this test."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield session().client("secretsmanager")


@pytest.fixture
def address(database_url: str, client: Any) -> Iterator[str]:
    """The API over HTTP, on the database and the secrets of this test."""
    database = database_of(database_url)
    api = Api(url=database_url, database=database, hook_secrets=Secrets(client=client))

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given = event("POST", self.path, body, "", dict(self.headers.items()))
            answer = api.application.answer(given, None)
            self.send_response(answer["statusCode"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    # One thread: the API's database is used by one at a time.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    database.close()


def test_every_command_and_the_agent_of_the_guide_work(
    database_url: str,
    client: Any,
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    # Given the guide's agent as its stage has registered it, with a secret that its stack made
    folder = tmp_path / "chat-agent"
    folder.mkdir()
    (folder / "agent.toml").write_text(_blocks("toml")[0])
    (folder / "agent.py").write_text(_blocks("python")[0])
    stack = Stack(f"muster-{STAGE}-agents-0", service(database_url))
    stack.create(load_manifest(folder / "agent.toml"))
    name = hook_secret_name(stage=STAGE, agent_id="chat-agent", name="chat")
    client.create_secret(Name=name, SecretString=json.dumps({"current": "A" * 44}))

    # When its commands are run one after another
    ran: list[str] = []
    for argv in _commands():
        environ = {"DATABASE_URL": database_url, "MUSTER_API_URL": address}
        code = main([*argv, "--json"], environ=environ)
        told = capsys.readouterr()
        # Then each does what it says
        assert code == Exit.OK, (argv, told.err)
        ran.append(argv[1])
        if argv[1] == "test":
            assert json.loads(told.out)["status"] == 202
    assert ran == ["rotate", "test", "rotate", "list", "create"]

    # And the webhook that was made by hand takes deliveries in its tenant
    code = main(
        ["webhooks", "test", "chat-agent", "partner", "--url", address],
        environ={"DATABASE_URL": database_url},
    )
    assert code == Exit.OK
    found = query(
        database_url, "SELECT tenant, source, params FROM agent_job_execution ORDER BY created_at"
    )
    assert [(row["tenant"], row["source"]) for row in found] == [
        ("default", "webhook"),
        ("acme", "webhook"),
    ]

    # And the guide's agent understands what it is told of a delivery
    shown: dict[str, Any] = {}
    exec(compile(_blocks("python")[0], "webhooks.md", "exec"), shown)
    params = {**found[0]["params"], "body": {"text": "hello"}}
    assert shown["answer"](Job(id="j", params=params)) == {
        "text": "hello",
        "kind": "application/json",
    }


def test_the_guide_names_every_scheme_and_every_status_of_the_route():
    from muster.api.hooks.routes import HOOKS
    from muster.manifest.webhook_table import VERIFICATIONS

    assert [name for name in VERIFICATIONS if f"`{name}`" not in GUIDE] == []
    [route] = HOOKS
    statuses = {*route.answers, *route.problems, 413, 503}
    assert [status for status in statuses if str(status) not in GUIDE] == []
