"""Calls of roles, as the local cloud writes them down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Call:
    """One distinct call of a role."""

    #: The role's name, as it was deployed.
    role: str
    #: Who acted as it: the function, or the agent whose listener it was.
    session: str
    #: As IAM names it, e.g. `sqs:SendMessage`.
    action: str
    #: An ARN; `*` where the call is about no one resource.
    resource: str
    #: What the emulator made of it.
    let_through: bool = True
    #: What conditions are asked of.
    context: dict[str, str] = field(default_factory=lambda: {"aws:SecureTransport": "true"})


def recorded(path: Path) -> list[Call]:
    """The calls in a file, in the order in which each came first."""
    return list(_parsed(path.read_text("utf-8").splitlines()))


def _parsed(lines: Iterable[str]) -> Iterable[Call]:
    for line in lines:
        role, session, action, resource, outcome = json.loads(line)
        yield Call(
            role=role,
            session=session,
            action=action,
            resource=resource,
            let_through=outcome == "allowed",
        )
