"""The table of the route of webhooks: open, since senders prove themselves by signatures and have no keys."""

from __future__ import annotations

from muster.api.hooks.receiving import receive
from muster.api.route import Route

HOOKS = (
    Route(
        signed=True,
        method="POST",
        path="/hooks/{agent}/{name}",
        name="receiveDelivery",
        summary="A delivery of a webhook, signed by its sender. It is recorded before the answer.",
        scope=None,
        act=receive,
        raw=("application/json", "application/x-www-form-urlencoded", "text/plain"),
        answers={202: "HookReceipt", 200: "HookReceipt"},
        problems=(400, 401, 404, 409, 415, 422, 429),
    ),
)
