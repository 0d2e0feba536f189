"""The roles of a deployed stage: each right as CloudFormation resolved it, under its construct's name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from local.aws import LocalAws
from tests.support.privilege.right import Holder, Right, taken_apart
from tests.support.privilege.statement import Statement, listed
from tests.support.privilege.templates import Document, Place, TemplateRole, Templates


def read_templates(assembly: Path, *, stage: str, agents: set[str]) -> Templates:
    """The templates of a cloud assembly."""
    prefix, suffix = f"muster-{stage}-", ".template.json"
    return Templates(
        stage=stage,
        agents=agents,
        bodies={
            file.name.removeprefix(prefix).removesuffix(suffix): json.loads(file.read_text())
            for file in sorted(assembly.glob(f"{prefix}*{suffix}"))
        },
    )


class DeployedRoles:
    """What the emulator holds of the roles that the templates have."""

    def __init__(self, *, aws: LocalAws, templates: Templates) -> None:
        self._templates = templates
        self._iam, self._sqs, self._s3, self._cloudformation = (
            aws.client(service) for service in ("iam", "sqs", "s3", "cloudformation")
        )

    def holders(self) -> list[Holder]:
        """Every role with its rights."""
        return [self._holder(role) for role in self._templates.roles()]

    @cached_property
    def _physical(self) -> Mapping[Place, str]:
        return {
            Place(stack=stack, id=resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for stack in self._templates.bodies
            for resource in self._cloudformation.describe_stack_resources(
                StackName=f"muster-{self._templates.stage}-{stack}"
            )["StackResources"]
        }

    def _holder(self, role: TemplateRole) -> Holder:
        name = self._physical[role.place]
        described = self._iam.get_role(RoleName=name)["Role"]
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
        return Holder(
            name=name,
            arn=described["Arn"],
            kind=role.kind,
            agent=role.agent,
            variables={f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
            rights=tuple(self._rights(role, name)),
        )

    def _rights(self, role: TemplateRole, name: str) -> Iterator[Right]:
        for document in role.documents:
            meant = document.statements
            if not any(self._templates.names(document, body, role) for body in meant):
                continue
            found = self._deployed(document, name)
            assert len(found) == len(meant), f"{document.place} was deployed otherwise: {found}"
            for template, deployed in zip(meant, found, strict=True):
                if self._templates.names(document, template, role):
                    yield from taken_apart(
                        role.kind,
                        Statement.of(deployed),
                        self._templates.symbols(document, template, role),
                        tuple(listed(template["Action"])),
                    )

    def _deployed(self, document: Document, role: str) -> list[Mapping[str, Any]]:
        place = document.place
        match document.form:
            case "inline":
                found = self._iam.get_role_policy(RoleName=role, PolicyName=document.name)
                return [_as_on_aws(one) for one in listed(found["PolicyDocument"]["Statement"])]
            case "managed":
                return self._managed(self._physical[place])
            case "carried":
                return self._carried(self._physical[place])

    @cache  # noqa: B019 - it lives for one test
    def _managed(self, arn: str) -> list[Mapping[str, Any]]:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        return listed(found["Document"]["Statement"])

    @cache  # noqa: B019 - it lives for one test
    def _carried(self, carrier: str) -> list[Mapping[str, Any]]:
        if carrier.startswith("http"):
            told = self._sqs.get_queue_attributes(QueueUrl=carrier, AttributeNames=["Policy"])
            return listed(json.loads(told["Attributes"]["Policy"])["Statement"])
        told = self._s3.get_bucket_policy(Bucket=carrier)["Policy"]
        return listed(json.loads(told)["Statement"])


def _as_on_aws(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A statement with ARNs for secrets: their `Ref` is the ARN on AWS, and the name in the emulator."""
    return {**body, "Resource": [_arn(resource) for resource in listed(body["Resource"])]}


def _arn(resource: str) -> str:
    if resource.startswith(("arn:", "*")):
        return resource
    return f"arn:aws:secretsmanager:*:*:secret:{resource}-??????"
