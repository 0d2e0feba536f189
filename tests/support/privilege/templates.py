"""Roles of a stage as its templates have them: each with its policies, and names that every deploy shares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.privilege.right import Unit
from tests.support.privilege.statement import Unsupported, listed

#: Policies that resources carry, and the property that says which resources.
_CARRIED = {"AWS::SQS::QueuePolicy": "Queues", "AWS::S3::BucketPolicy": "Bucket"}
_LANE = re.compile(r"/Queue/(Urgent|Critical|High|Normal|Low)$")
_SUBSTITUTED = re.compile(r"\$\{([^}]+)\}")
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "{region}", "AWS::AccountId": "{account}"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A resource of a template."""

    stack: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A policy; `place` is what carries it, or the role that has it inline under `name`."""

    form: Literal["inline", "managed", "carried"]
    place: Place
    name: str
    statements: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class TemplateRole:
    """A role and what bears on it."""

    place: Place
    kind: str
    #: Its agent; empty where it is none's.
    agent: str
    documents: tuple[Document, ...]
    #: Policies of AWS's own, by their name.
    foreign: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The templates of a stage, by the stack's noun, e.g. `agents-0`."""

    stage: str
    agents: AbstractSet[str]
    bodies: Mapping[str, Mapping[str, Any]]

    def roles(self) -> Iterator[TemplateRole]:
        """Every role of the stage."""
        carried = list(self._carried())
        for place, body in self.of_type("AWS::IAM::Role"):
            properties = body["Properties"]
            attached = [
                (value, self.place(place.stack, value))
                for value in properties.get("ManagedPolicyArns", ())
            ]
            managed = [self._managed(found) for _, found in attached if found]
            agent = self._agent(self._path(place))
            yield TemplateRole(
                place=place,
                agent=agent,
                kind=self._kind(self._path(place), agent=agent),
                documents=(*self._inline(place, properties), *managed, *carried),
                foreign=tuple(
                    self.symbol(place.stack, value, agent="").partition("policy/")[2]
                    for value, found in attached
                    if not found
                ),
            )

    def units(self, role: TemplateRole) -> Iterator[Unit]:
        """What the templates grant a role."""
        for document in role.documents:
            for body in document.statements:
                if body["Effect"] == "Allow" and self.names(document, body, role):
                    for resource in self.symbols(document, body, role):
                        for action in listed(body["Action"]):
                            yield Unit(role=role.kind, action=action, resource=resource)
        for policy in role.foreign:
            yield Unit(role=role.kind, action=f"policy/{policy}", resource="*")

    def names(self, document: Document, body: Mapping[str, Any], role: TemplateRole) -> bool:
        """Whether a statement is about a role."""
        if document.form != "carried":
            return True
        said = body["Principal"]
        named = ["*"] if said == "*" else listed(said.get("AWS", ()))
        return any(
            one == "*" or self.place(document.place.stack, one) == role.place for one in named
        )

    def symbols(
        self, document: Document, body: Mapping[str, Any], role: TemplateRole
    ) -> tuple[str, ...]:
        """A statement's resources by their constructs' names, as seen from a role."""
        stack = document.place.stack
        return tuple(self.symbol(stack, one, agent=role.agent) for one in listed(body["Resource"]))

    def place(self, stack: str, value: Any) -> Place | None:
        """The resource that a value of a template points at."""
        match value:
            case {"Ref": str(id_)} if id_ in self.bodies[stack]["Resources"]:
                return Place(stack=stack, id=id_)
            case {"Fn::GetAtt": [str(id_), _]}:
                return Place(stack=stack, id=id_)
            case {"Fn::GetStackOutput": {"StackName": str(name), "OutputName": str(output)}}:
                exporter = name.removeprefix(f"muster-{self.stage}-")
                return self.place(exporter, self.bodies[exporter]["Outputs"][output]["Value"])
        return None

    def symbol(self, stack: str, value: Any, *, agent: str) -> str:
        """A value with the names of constructs in place of what only a deploy knows.

        Raises:
            Unsupported: it is computed in a way that is not understood here.
        """
        found = self.place(stack, value)
        if found is not None:
            return self._kind(self._path(found), agent=agent)
        match value:
            case str(text):
                prefixes = (f"muster-{self.stage}", f"muster/{self.stage}")
                for prefix in prefixes:
                    text = text.replace(prefix, prefix.replace(self.stage, "{stage}"))
                return text
            case {"Ref": str(name)} if name in _PSEUDO:
                return _PSEUDO[name]
            case {"Fn::Sub": str(text)} if not set(_SUBSTITUTED.findall(text)) - set(_PSEUDO):
                return _SUBSTITUTED.sub(lambda found: _PSEUDO[found[1]], text)
            case {"Fn::Join": [str(separator), parts]}:
                return separator.join(self.symbol(stack, part, agent=agent) for part in parts)
        raise Unsupported(f"{value} in stack {stack}")

    def of_type(self, *types: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Resources of these types."""
        for stack, template in self.bodies.items():
            for id_, body in template["Resources"].items():
                if body["Type"] in types:
                    yield Place(stack=stack, id=id_), body

    def _inline(self, role: Place, properties: Mapping[str, Any]) -> Iterator[Document]:
        own = [(p["PolicyName"], p["PolicyDocument"]) for p in properties.get("Policies", ())]
        for place, body in self.of_type("AWS::IAM::Policy"):
            policy = body["Properties"]
            if role in [self.place(place.stack, value) for value in policy.get("Roles", ())]:
                own.append((policy["PolicyName"], policy["PolicyDocument"]))
        for name, document in own:
            yield Document(
                form="inline", place=role, name=name, statements=tuple(document["Statement"])
            )

    def _managed(self, place: Place) -> Document:
        document = self._body(place)["Properties"]["PolicyDocument"]
        return Document(
            form="managed", place=place, name="", statements=tuple(document["Statement"])
        )

    def _carried(self) -> Iterator[Document]:
        for place, body in self.of_type(*_CARRIED):
            properties = body["Properties"]
            statements = tuple(properties["PolicyDocument"]["Statement"])
            for carrier in listed(properties[_CARRIED[body["Type"]]]):
                found = self.place(place.stack, carrier)
                if found is None:
                    raise Unsupported(f"{carrier} in stack {place.stack}")
                yield Document(form="carried", place=found, name="", statements=statements)

    def _body(self, place: Place) -> Mapping[str, Any]:
        return self.bodies[place.stack]["Resources"][place.id]

    def _path(self, place: Place) -> str:
        """The construct's path below its stack, which is named without its number."""
        path = self._body(place).get("Metadata", {}).get("aws:cdk:path", place.id)
        below = path.partition("/")[2].removesuffix("/Resource")
        return f"{place.stack.rstrip('-0123456789')}/{below}"

    def _agent(self, path: str) -> str:
        parts = path.split("/")
        return parts[1] if len(parts) > 1 and parts[1] in self.agents else ""

    def _kind(self, path: str, *, agent: str) -> str:
        """Agents and lanes stand for all of their kind, but for another agent than the role's own."""
        owner = self._agent(path)
        if owner and agent in ("", owner):
            path = path.replace(f"/{owner}/", "/{agent}/", 1)
        return _LANE.sub("/Queue/{lane}", path)
