"""The webhooks of an agent as rows, from its manifest's document.

They are made from the document and not from a checked `Manifest`, as the registry's row is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.registration.failure import RegistrationFailed


def webhook_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns of `webhook_endpoint` that a registration sets.

    Args:
        document: what `muster.manifest.to_json` made.

    Raises:
        RegistrationFailed: a webhook lacks what every release of it holds.
    """
    return [_row(document, webhook) for webhook in document.get("webhook", [])]


def _row(document: Mapping[str, Any], webhook: Mapping[str, Any]) -> dict[str, Any]:
    if "name" not in webhook or "verify" not in webhook:
        raise RegistrationFailed(
            f"manifest of {document.get('id')}: a webhook has no name, or no verify; "
            "it is not a document that synth writes"
        )
    return {
        "agent_id": document["id"],
        "name": webhook["name"],
        "verify": webhook["verify"],
        "signature_header": webhook.get("signature_header"),
        "headers": webhook.get("headers", []),
        "priority": webhook.get("priority", "normal"),
    }
