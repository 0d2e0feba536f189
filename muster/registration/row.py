"""The registry's row of an agent, from its manifest and where it is reached.

It is made from the manifest's document and not from a checked `Manifest`: a deployment that rolls back
sends documents of older releases, and must not founder on rules that are newer than they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from muster.manifest import canonical, parse_duration
from muster.registration.failure import RegistrationFailed


def row(document: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of `agent_registry` that a registration sets, all but the owner.

    Args:
        document: what `muster.manifest.to_json` made.
        endpoint: where the agent takes its jobs.

    Raises:
        RegistrationFailed: the document lacks what every release of it holds.
    """
    try:
        return {
            "agent_id": document["id"],
            "agent_version": document["version"],
            "name": document.get("name", document["id"]),
            "description": document.get("description", ""),
            "compute": document["compute"],
            "endpoint": dict(endpoint),
            "input_schema": document.get("input_schema"),
            "output_schema": document.get("output_schema"),
            "config_schema": document.get("config_schema"),
            "default_config": document.get("config", {}),
            "metadata": document.get("metadata", {}),
            "capabilities": document.get("capabilities", []),
            "tags": document.get("tags", []),
            "retries": document["retries"],
            "timeout_seconds": int(parse_duration(document["timeout"]).total_seconds()),
            "concurrency": document["concurrency"],
            "manifest": dict(document),
            "manifest_digest": hashlib.sha256(canonical(document).encode()).hexdigest(),
        }
    except (KeyError, ValueError, TypeError) as error:
        raise RegistrationFailed(
            f"manifest of {document.get('id', 'an agent')}: {type(error).__name__} {error}; "
            "it is not a document that synth writes"
        ) from error


def http_endpoint(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The endpoint of an agent that someone else runs; None for any other."""
    endpoint = document.get("endpoint")
    if document.get("compute") != "http" or endpoint is None:
        return None
    found = {key: endpoint[key] for key in ("type", "url", "method") if key in endpoint}
    if "authentication" in endpoint:
        # The name of the secret, never the secret.
        found["authentication"] = {
            "type": endpoint["authentication"],
            "secret": endpoint.get("secret"),
        }
    return found
