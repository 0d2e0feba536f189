"""`muster webhooks` on a real database, and Secrets Manager in memory: secrets are shown once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from local.emulator import REGION
from muster.cli import main
from muster.cli.exit import Exit
from muster.hooks.posted import NotProven, Posted
from muster.hooks.schemes import scheme
from muster.hooks.secret import HookSecret
from muster.manifest import Webhook
from tests.support.clerk import query
from tests.support.emulator import session
from tests.support.hooks import SCHEMES
from tests.support.registration import Stack, agent, service

#: Runs `muster webhooks … --json`; returns its code, its result and what it said.
Run = Callable[..., tuple[int, Any, str]]

KEPT = "muster/dev/hooks/one/chat"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager of these tests."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield session().client("secretsmanager")


@pytest.fixture
def webhooks(database_url: str, capsys: pytest.CaptureFixture[str], client: Any) -> Run:
    """The command on a stage `dev` with an agent `one` that has no webhook."""
    Stack("muster-dev-agents-0", service(database_url)).create(agent("one"))

    def run(*argv: str, api_url: str = "") -> tuple[int, Any, str]:
        environ = {"DATABASE_URL": database_url}
        if api_url:
            environ["MUSTER_API_URL"] = api_url
        code = main(["webhooks", *argv, "--json"], environ=environ)
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return run


def kept(client: Any, name: str = KEPT) -> HookSecret:
    text = client.get_secret_value(SecretId=name)["SecretString"]
    return HookSecret.from_json(json.loads(text))


@pytest.mark.parametrize("verify", SCHEMES)
def test_a_webhook_is_made_and_its_secret_is_shown_once(
    webhooks: Run, client: Any, database_url: str, verify: str
):
    # When a webhook is made
    code, made, said = webhooks("create", "one", "chat", "--verify", verify, "--header", "x-topic")
    # Then its secret is shown, and is what Secrets Manager keeps
    assert code == Exit.OK
    assert "only time" in said
    assert kept(client) == HookSecret(current=made["secret"])
    assert (made["path"], made["headers"]) == ("/hooks/one/chat", ["x-topic"])
    # And nothing else shows it again, nor is it in the database
    _, listed, _ = webhooks("list", "--all")
    assert [(row["name"], row["verify"], row["owner"]) for row in listed] == [
        ("chat", verify, None)
    ]
    dump = query(database_url, "SELECT t::text FROM webhook_endpoint t")
    assert made["secret"] not in json.dumps([listed, dump], default=str)
    # And it cannot be made twice
    code, _, said = webhooks("create", "one", "chat")
    assert (code, "rotate" in said) == (Exit.USAGE, True)
    assert kept(client).current == made["secret"]


def test_fault_55_a_rotation_shows_the_new_secret_and_keeps_the_old_one_for_the_overlap(
    webhooks: Run, client: Any
):
    old = webhooks("create", "one", "chat")[1]["secret"]
    now = datetime.now(UTC)
    code, made, _ = webhooks("rotate", "one", "chat", "--overlap", "2h")
    assert code == Exit.OK
    after = kept(client)
    assert after.valid(now) == (made["secret"], old)
    assert after.valid(now + timedelta(hours=3)) == (made["secret"],)
    # And without an overlap the old one is gone at once
    code, made, _ = webhooks("rotate", "one", "chat", "--overlap", "0s")
    assert kept(client) == HookSecret(current=made["secret"])


def test_a_secret_that_the_sender_gave_is_taken_from_a_file_and_never_shown(
    webhooks: Run, client: Any, tmp_path: Path
):
    file = tmp_path / "secret.txt"
    file.write_text("canary-of-the-sender-4711\n")
    code, made, said = webhooks(
        "create", "one", "chat", "--verify", "slack", "--secret-file", str(file)
    )
    assert code == Exit.OK
    assert kept(client).current == "canary-of-the-sender-4711"
    assert "canary" not in json.dumps(made, default=str) + said
    # And what cannot be one is refused without being quoted
    for text, verify in (("canary", "hmac"), ("canary no base64 canary", "standard-webhooks")):
        file.write_text(text)
        code, _, said = webhooks(
            "create", "one", "other", "--verify", verify, "--secret-file", str(file)
        )
        assert (code, "canary" in said) == (Exit.USAGE, False)


def test_a_webhook_of_a_manifest_gets_a_secret_that_somebody_knows_by_a_rotation(
    webhooks: Run, client: Any, database_url: str
):
    # Given a webhook of a manifest, whose secret its stack made
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one", webhooks=(Webhook(name="chat"),)))
    client.create_secret(Name=KEPT, SecretString=json.dumps({"current": "A" * 44}))
    # When it is rotated
    code, made, _ = webhooks("rotate", "one", "chat", "--overlap", "0s")
    # Then the new one is known, and holds
    assert code == Exit.OK
    assert kept(client) == HookSecret(current=made["secret"])
    # And where its secret is gone, a rotation makes one
    client.delete_secret(SecretId=KEPT, ForceDeleteWithoutRecovery=True)
    code, made, _ = webhooks("rotate", "one", "chat")
    assert (code, kept(client)) == (Exit.OK, HookSecret(current=made["secret"]))


def test_what_cannot_be_is_told_with_its_cure(webhooks: Run, database_url: str):
    query(database_url, "INSERT INTO agent_registry (agent_id) VALUES ('by-hand')")
    for argv, code, word in (
        (("create", "nobody", "chat"), Exit.NOT_FOUND, "agents list"),
        (("rotate", "one", "nothing"), Exit.NOT_FOUND, "webhooks list"),
        (("test", "one", "nothing", "--url", "http://x"), Exit.NOT_FOUND, "webhooks list"),
        (("test", "one", "nothing"), Exit.USAGE, "MUSTER_API_URL"),
        (("create", "by-hand", "chat"), Exit.USAGE, "--stage"),
        (("create", "one", "No Name"), Exit.USAGE, "lower-case"),
        (("create", "one", "chat", "--header", "cookie"), Exit.USAGE, "credentials"),
        (("create", "one", "chat", "--signature-header", "x-y"), Exit.USAGE, "hmac"),
    ):
        found, _, said = webhooks(*argv)
        assert (found, word in said) == (code, True), (argv, said)
    # And with a stage, an agent that was registered by hand has webhooks too
    assert webhooks("create", "by-hand", "chat", "--stage", "dev")[0] == Exit.OK


class _Receiver(BaseHTTPRequestHandler):
    """Verifies what it is sent, as the API does."""

    secret = ""
    verify = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        posted = Posted(headers={k.lower(): v for k, v in self.headers.items()}, body=body)
        way = scheme(self.verify)
        try:
            way.verify(posted, secrets=[self.secret], now=datetime.now(UTC))
            status = 202 if self.path == "/hooks/one/chat" else 404
        except NotProven:
            status = 401
        answer = json.dumps({"status": status}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Receiver]]]:
    """A server's address and its handler's class."""
    handler = type("Receiver", (_Receiver,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("verify", SCHEMES)
def test_a_test_delivery_is_signed_and_its_answer_is_shown(
    webhooks: Run, receiver: tuple[str, type[_Receiver]], verify: str
):
    url, handler = receiver
    made = webhooks("create", "one", "chat", "--verify", verify)[1]
    handler.verify, handler.secret = verify, made["secret"]
    # When a delivery is sent / Then its receiver is content
    code, told, _ = webhooks("test", "one", "chat", api_url=url)
    assert (code, told["status"], told["answer"]) == (Exit.OK, 202, {"status": 202})
    assert made["secret"] not in json.dumps(told)
    # And one that is refused fails the command
    handler.secret = scheme(verify).new_secret()
    code, told, _ = webhooks("test", "one", "chat", "--url", url)
    assert (code, told["status"]) == (Exit.FAILED, 401)
    # And so does an address where nobody is
    code, _, said = webhooks("test", "one", "chat", "--url", "http://127.0.0.1:1")
    assert (code, "does not answer" in said) == (Exit.UNAVAILABLE, True)
