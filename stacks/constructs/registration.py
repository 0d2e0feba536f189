"""Custom resources that the register function answers: `migrate` first, `register` last."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from muster.contracts import MIGRATIONS_FOLDER, ResourceType
from muster.manifest import Manifest, canonical, to_json

#: The register function's own limit; it answers before that, whatever happens.
REGISTER_TIMEOUT = Duration.minutes(5)

#: CloudFormation gives up then, instead of after an hour.
_SERVICE_TIMEOUT = Duration.minutes(6)


class Migration(Construct):
    """Brings the schema up to the migrations of this code; a newer schema is left as it is.

    Args:
        migrations: folder of Muster's own.
        agents: folders of the agents with migrations, by where they are inside the function's code.
        logins: ARNs of the secrets of the components' logins, by role.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service_token: str,
        migrations: Path,
        agents: Mapping[str, Path],
        logins: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id_)
        folders = dict(sorted(agents.items()))
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type=ResourceType.MIGRATION,
            service_token=service_token,
            service_timeout=_SERVICE_TIMEOUT,
            properties={
                "Digest": migrations_digest(migrations, list(folders.values())),
                "Folders": list(folders),
                "Logins": dict(logins),
            },
        )


class Registration(Construct):
    """Writes a stack's agents to the registry, and retires what the stack no longer has."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service_token: str,
        stack: str,
        manifests: Sequence[Manifest],
        endpoints: Mapping[str, object],
    ) -> None:
        super().__init__(scope, id_)
        document = canonical([to_json(manifest) for manifest in manifests])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "manifests.json"
            file.write_text(document)
            asset = assets.Asset(self, "Manifests", path=str(file))
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type=ResourceType.REGISTRATION,
            service_token=service_token,
            service_timeout=_SERVICE_TIMEOUT,
            properties={
                "Manifests": {"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key},
                "Digest": hashlib.sha256(document.encode()).hexdigest(),
                "Stack": stack,
                "Agents": endpoints,
            },
        )


def migrations_digest(own: Path, agents: Sequence[Path] = ()) -> str:
    """Digest of Muster's migrations and of these agents': another one makes CloudFormation migrate again."""
    digest = hashlib.sha256()
    for file in sorted(own.glob("*.sql")):
        digest.update(f"{file.name}\n".encode())
        digest.update(file.read_bytes())
    for folder in agents:
        for file in sorted((folder / MIGRATIONS_FOLDER).glob("*.sql")):
            digest.update(f"{folder.name}/{file.name}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
