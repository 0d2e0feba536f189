"""A synthesised stage, and questions about its templates."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.lane import LANES
from muster.manifest import Manifest, Permissions, Queue, load_agents
from stacks.config import Stage

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a template."""

    stack: str
    id: str
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        return self.body.get("Properties", {})

    @property
    def path(self) -> str:
        return self.body.get("Metadata", {}).get("aws:cdk:path", self.id)


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What came out of a synth: its folder, and the templates by the stack's noun."""

    stage: Stage
    manifests: Sequence[Manifest]
    folder: Path
    app: Any
    templates: Mapping[str, Mapping[str, Any]]

    @property
    def template_files(self) -> list[Path]:
        """The templates as they were written."""
        return sorted(self.folder.glob("*.template.json"))

    def resources(self, type_: str, stack: str = "") -> list[Resource]:
        """Resources of a type, in every stack whose noun begins with `stack`."""
        return [
            r for r in self.everything() if r.body["Type"] == type_ and r.stack.startswith(stack)
        ]

    def one(self, type_: str, stack: str = "") -> Resource:
        """The only resource of a type."""
        (resource,) = self.resources(type_, stack)
        return resource

    def everything(self) -> Iterator[Resource]:
        for stack, template in self.templates.items():
            for id_, body in template["Resources"].items():
                yield Resource(stack=stack, id=id_, body=body)

    @property
    def on_lambda(self) -> list[Manifest]:
        """Agents whose compute is a function."""
        return [manifest for manifest in self.manifests if manifest.compute == "lambda"]

    @property
    def on_fargate(self) -> list[Manifest]:
        """Agents whose compute is a service."""
        return [manifest for manifest in self.manifests if manifest.compute == "fargate"]

    def role(self, agent_id: str) -> Resource:
        """The role as which an agent's code runs."""
        (role,) = (
            r for r in self.of_agent(agent_id, "AWS::IAM::Role") if "/StartRole/" not in r.path
        )
        return role

    def container(self, agent_id: str) -> Mapping[str, Any]:
        """The one container of an agent's task definition."""
        (definition,) = self.of_agent(agent_id, "AWS::ECS::TaskDefinition")
        (container,) = definition.properties["ContainerDefinitions"]
        return container

    def variables(self, agent_id: str) -> Mapping[str, Any]:
        """What an agent is told, whatever computes it."""
        functions = self.of_agent(agent_id, "AWS::Lambda::Function")
        if functions:
            return functions[0].properties["Environment"]["Variables"]
        return {v["Name"]: v["Value"] for v in self.container(agent_id)["Environment"]}

    def functions(self) -> list[Resource]:
        """Muster's own functions, without those that the CDK brings."""
        return [
            r
            for r in self.resources("AWS::Lambda::Function")
            if r.properties["Handler"].startswith("lambdas.")
        ]

    def of_agent(self, agent_id: str, type_: str) -> list[Resource]:
        return [r for r in self.resources(type_, "agents") if f"/{agent_id}/" in r.path]

    def metadata(self, type_: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What constructs were given of a type of metadata, each with its path, as the synth wrote it.

        To ask each construct takes seconds: they are objects of another process.
        """
        artifacts = json.loads((self.folder / "manifest.json").read_text())["artifacts"]
        for artifact in artifacts.values():
            if "additionalMetadataFile" in artifact:
                written = json.loads((self.folder / artifact["additionalMetadataFile"]).read_text())
                for path, entries in written.items():
                    for entry in entries:
                        if entry["type"] == type_:
                            yield path.lstrip("/"), entry["data"]

    def report(self) -> Mapping[str, Any]:
        """What the validations found and what was acknowledged."""
        return json.loads((self.folder / "validation-report.json").read_text())


def synthesise(
    stage: Stage,
    manifests: Sequence[Manifest],
    folder: Path,
    *,
    checked: bool = True,
    validated: bool = True,
) -> Synthesis:
    """Compose and synthesise a stage; layers stay empty, so that neither wheels nor time are needed.

    `checked` is false where cdk-nag checks the same resources in another test already, and `validated` where
    the CDK's own validation does: what it asks is started once in a process, and reads every template.
    """
    from aws_cdk import App

    from stacks.deployment import check, compose

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(
        outdir=str(folder),
        context={**context, "aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True},
        builtin_cloud_formation_validation=validated,
    )
    with _no_look_for_garbage():
        compose(app, stage=stage, manifests=manifests)
        if checked:
            check(app)
        app.synth()
    prefix = f"muster-{stage.name}-"
    templates = {
        file.name.removeprefix(prefix).removesuffix(".template.json"): json.loads(file.read_text())
        for file in sorted(folder.glob("*.template.json"))
    }
    return Synthesis(stage=stage, manifests=manifests, folder=folder, app=app, templates=templates)


@contextlib.contextmanager
def _no_look_for_garbage() -> Iterator[None]:
    """As `app.py` does: what a synth makes stays until its end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def agents_of(stage: Stage) -> list[Manifest]:
    """The stage's own agents, one that asks for everything a manifest may ask for, and two on Fargate."""
    own = load_agents(ROOT / root for root in stage.agent_roots)
    return [*own, asks_for_all(), long_jobs(), long_jobs("long-outside", egress="internet")]


def long_jobs(agent_id: str = "long-jobs", **changes: Any) -> Manifest:
    """An agent on Fargate: two jobs a task, at most three tasks."""
    values: dict[str, Any] = {
        "compute": "fargate",
        "queue": Queue(batch=2, lanes=("high", "normal")),
        "concurrency": 7,
        "egress": "none",
        **changes,
    }
    return agent(agent_id, **values)


def asks_for_all() -> Manifest:
    """An agent with every lane, secrets, and fewer jobs at once than event sources can be limited to."""
    return agent(
        "asks-for-all",
        queue=Queue(batch=5, lanes=LANES),
        isolation="process",
        secrets={"FEED_TOKEN": "feeds/token"},
    )


def agent(agent_id: str, **changes: Any) -> Manifest:
    """A manifest of an agent on Lambda whose code is that of `document-profile`."""
    from datetime import timedelta

    values: dict[str, Any] = {
        "name": agent_id,
        "version": "1.0.0",
        "compute": "lambda",
        "timeout": timedelta(seconds=30),
        "queue": Queue(batch=5),
        "concurrency": 3,
        "egress": "internet",
        "env": {"USER_AGENT": "muster"},
        "cost_tags": {"CostCenter": "newsroom"},
        "permissions": Permissions(read=("bucket:uploads",), write=("bucket:uploads",)),
        "folder": ROOT / "lambdas" / "agents" / "document-profile",
        **changes,
    }
    return Manifest(id=agent_id, **values)
