"""Manifests: `agent.toml` read, checked and written down. Nothing here knows AWS or Postgres."""

from muster.agent_package import agent_id_of, package_name
from muster.manifest.asjson import canonical, digest, from_json, to_json
from muster.manifest.duration import format_duration, parse_duration
from muster.manifest.limits import FARGATE_CPU
from muster.manifest.load import MANIFEST_FILE, load_agents, load_manifest
from muster.manifest.model import (
    Endpoint,
    Manifest,
    Permissions,
    Queue,
    S3Trigger,
    Schedule,
    Webhook,
)
from muster.manifest.problem import ManifestError, Problem
from muster.manifest.tables import has_tables, table_problems
from muster.manifest.unbuilt import unbuilt

__all__ = [
    "FARGATE_CPU",
    "MANIFEST_FILE",
    "Endpoint",
    "Manifest",
    "ManifestError",
    "Permissions",
    "Problem",
    "Queue",
    "S3Trigger",
    "Schedule",
    "Webhook",
    "agent_id_of",
    "canonical",
    "digest",
    "format_duration",
    "from_json",
    "has_tables",
    "load_agents",
    "load_manifest",
    "package_name",
    "parse_duration",
    "table_problems",
    "to_json",
    "unbuilt",
]
