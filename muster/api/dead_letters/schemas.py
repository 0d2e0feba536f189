"""The JSON Schemas of dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.api.shape import COUNT, IDENTIFIER, TEXT, closed, or_null

#: Letters of one call, unless it says otherwise, and at most.
MOST_LETTERS = 500

WORD = {"type": "string", "minLength": 1, "maxLength": 256}

_PURGE_ORDER: dict[str, Any] = {
    "error": WORD,
    "text": WORD,
    "job_id": IDENTIFIER,
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_LETTERS},
    "dry_run": {"type": "boolean", "default": True},
}
_REDRIVE_ORDER: dict[str, Any] = {
    **_PURGE_ORDER,
    "max_redrives": {"type": "integer", "minimum": 1, "maximum": 1000},
}

_LETTER: dict[str, Any] = {
    "agent_id": TEXT,
    "job_id": or_null(TEXT),
    "execution_id": or_null(TEXT),
    "reason": TEXT,
    "error_class": or_null(TEXT),
    "attempts": or_null(COUNT),
    "sent_at": or_null(TEXT),
    "message_id": TEXT,
    "copies": COUNT,
    "body": TEXT,
}

_TALLY: dict[str, Any] = {
    "agent_id": TEXT,
    "dry_run": {"type": "boolean"},
    "done": COUNT,
    "stale": COUNT,
    "worn_out": COUNT,
    "again": COUNT,
    "refused": COUNT,
    "complete": {"type": "boolean"},
    "errors": {"type": "object", "additionalProperties": COUNT},
}

LETTER_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "LetterQueues": closed(
        {
            "queues": {
                "type": "array",
                "items": closed({"agent_id": TEXT, "messages": COUNT, "in_flight": COUNT}),
            }
        }
    ),
    "Letters": closed({"letters": {"type": "array", "items": closed(_LETTER)}}),
    "RedriveOrder": closed(_REDRIVE_ORDER, optional=tuple(_REDRIVE_ORDER)),
    "PurgeOrder": closed(_PURGE_ORDER, optional=tuple(_PURGE_ORDER)),
    "LetterTally": closed(_TALLY),
}
