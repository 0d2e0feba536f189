"""`muster register`: put agents into the registry without a deployment."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.errors import UsageError
from muster.cli.exit import Exit


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "manifests",
        metavar="MANIFEST",
        nargs="*",
        help="an agent.toml, or the folder that holds it",
    )
    queue = parser.add_argument_group(
        "where the agent takes its jobs, when its manifest names no endpoint"
    )
    queue.add_argument("--queue-url", metavar="URL", help="its SQS queue")
    queue.add_argument("--dlq-url", metavar="URL", help="its dead-letter queue")

    parser.add_argument(
        "--self",
        dest="itself",
        action="store_true",
        help="a service registers itself as it starts: AGENT_ID, AGENT_URL, AGENT_VERSION, INSTANCE_ID",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=float,
        default=300.0,
        help="with --self: how long to try again while the database is away (default: 300)",
    )


def _register_itself(context: Context, arguments: Namespace) -> Exit:
    import socket

    from muster.clock import SystemClock
    from muster.registration.by_service import Service, register_service
    from muster.store.connection import Database

    service = Service.from_environ(context.environ, hostname=socket.gethostname())
    settings = context.database()
    database = Database(lambda _refresh: settings, call_seconds=5.0, retry_seconds=5.0)
    try:
        standing = register_service(
            service,
            database=database,
            tenant="default",
            clock=SystemClock(),
            give_up_seconds=arguments.wait,
        )
    finally:
        database.close()
    context.show(
        {
            "agent_id": service.agent_id,
            "instance_id": service.instance_id,
            "status": str(standing),
        },
        text=f"{service.agent_id} is registered ({standing}), as instance {service.instance_id}.",
    )
    return Exit.OK


def _run(context: Context, arguments: Namespace) -> Exit:
    if arguments.itself:
        return _register_itself(context, arguments)
    if not arguments.manifests:
        raise UsageError("name a manifest, or register a service with --self.")
    from muster.manifest import load_manifest
    from muster.registration.registrar import register_manifests
    from muster.store.connection import administer

    loaded = [load_manifest(Path(name)) for name in arguments.manifests]
    if bool(arguments.queue_url) != bool(arguments.dlq_url):
        raise UsageError("--queue-url and --dlq-url go together.")
    endpoints = {}
    if arguments.queue_url:
        if len(loaded) > 1:
            raise UsageError("--queue-url is for one agent: register the others apart.")
        endpoints = {
            loaded[0].id: {
                "type": "sqs",
                "queues": {"normal": arguments.queue_url},
                "dlq": arguments.dlq_url,
            }
        }
    with closing(administer(context.database())) as connection:
        registered = register_manifests(connection, loaded, endpoints=endpoints)
    changed = ", ".join(registered.changed)
    text = f"Registered: {changed}." if changed else "Nothing changed."
    context.show(asdict(registered), text=text)
    return Exit.OK


COMMAND = Command(
    name="register",
    summary="put agents into the registry that no stack deploys",
    arguments=_arguments,
    run=_run,
)
