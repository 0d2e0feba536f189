"""`[[webhook]]`, read into its value."""

from __future__ import annotations

from typing import cast

from muster.lane import LANES
from muster.manifest.model import Webhook
from muster.manifest.problem import shown
from muster.manifest.reader import Reader
from muster.manifest.sections import NAME, NAME_CURE

VERIFICATIONS = ("standard-webhooks", "github", "stripe", "slack", "hmac")

_HEADER = r"[a-z0-9][a-z0-9_-]{0,63}"
#: What proves a sender, or somebody on the way, is no business of a job.
_CREDENTIALS = r"authorization|proxy-authorization|cookie|x-api-key|x-amz.*|x-amzn.*|.*signature.*"


def read_webhook(reader: Reader) -> Webhook:
    """One `[[webhook]]`."""
    name = reader.text("name", required=True, pattern=NAME, cure=NAME_CURE)
    verify = reader.choice("verify", "standard-webhooks", VERIFICATIONS)
    header = reader.text(
        "signature_header", pattern=_HEADER, cure="write the name of a header in lower case"
    )
    if header is not None and verify != "hmac":
        cure = f'leave it out: {verify} says where its signature is; or set verify = "hmac"'
        reader.problem("signature_header", shown(header), cure)
    webhook = Webhook(
        name=name or "",
        verify=cast("str", verify),
        signature_header=header,
        headers=reader.texts(
            "headers",
            pattern=rf"(?!(?:{_CREDENTIALS})\Z){_HEADER}",
            cure="write a list of different headers in lower case, none that carries credentials",
        ),
        priority=cast("str", reader.choice("priority", "normal", LANES)),
    )
    if header is not None and header in webhook.headers:
        reader.problem(
            "headers", shown(list(webhook.headers)), f"leave {header} out: it is a proof"
        )
    reader.finish()
    return webhook
