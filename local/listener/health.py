"""What a listener process says of itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from local.ports import LOOPBACK

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def health(port: int, *, timeout: float = 2) -> dict[str, Any] | None:
    """The answer of `/health` on a loopback port, well or not; None when nobody answers."""
    try:
        with _OPENER.open(f"http://{LOOPBACK}:{port}/health", timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as unwell:
        with unwell:
            return json.load(unwell)
    except (OSError, ValueError):
        return None
