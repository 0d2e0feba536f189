"""The GitHub repository whose workflows may deploy a stage, as GitHub's tokens name it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from muster.errors import ConfigurationError

#: What `-c repository=` takes: names and ids, such as `acme@1001/agents@2002`.
_FORM = re.compile(r"(?P<owner>[\w-]+)@(?P<owner_id>\d+)/(?P<name>[\w.-]+)@(?P<id>\d+)")

_CURE = (
    "use OWNER@OWNER_ID/NAME@ID, such as acme@1001/agents@2002; "
    "`gh api repos/OWNER/NAME --jq '.owner.id, .id'` prints the ids"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A repository by its names, which may change hands, and its ids, which never do."""

    owner: str
    owner_id: str
    name: str
    id: str
    #: An account has one provider of GitHub's tokens: its second stage uses that of the first.
    provider_exists: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `acme@1001/agents@2002`.

        Raises:
            ConfigurationError: it has another form.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"repository={text!r}: {_CURE}")
        owner, owner_id, name, id_ = found.group("owner", "owner_id", "name", "id")
        return cls(owner=owner, owner_id=owner_id, name=name, id=id_)

    def subjects(self, environment: str) -> list[str]:
        """What the `sub` of a token says of a job in that environment.

        Repositories made or renamed since 15 July 2026 get the form with ids, older ones that without; one
        repository has one of them, and neither is anybody else's.
        """
        named = f"repo:{self.owner}/{self.name}"
        immutable = f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.id}"
        return [f"{form}:environment:{environment}" for form in (named, immutable)]
