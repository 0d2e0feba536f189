"""The table of the routes of dead letters."""

from __future__ import annotations

from muster.api.dead_letters.changing import purge, redrive
from muster.api.dead_letters.looking import MOST_SHOWN, letters, listing
from muster.api.dead_letters.schemas import MOST_LETTERS, WORD
from muster.api.route import Route
from muster.api.shape import IDENTIFIER
from muster.keys.access import Scope

DEAD_LETTERS = (
    Route(
        method="GET",
        path="/v1/dead-letters",
        name="listDeadLetterQueues",
        summary="How many dead letters the tenant's own agents have.",
        scope=Scope.JOBS_READ,
        act=listing,
        answers={200: "LetterQueues"},
    ),
    Route(
        method="GET",
        path="/v1/dead-letters/{agent_id}",
        name="peekDeadLetters",
        summary="Dead letters of one agent with their reasons, oldest first, left where they are.",
        scope=Scope.JOBS_READ,
        act=letters,
        query={
            "error": WORD,
            "text": WORD,
            "job_id": IDENTIFIER,
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
        },
        answers={200: "Letters"},
        problems=(404, 422),
    ),
    Route(
        method="POST",
        path="/v1/dead-letters/{agent_id}/redrive",
        name="redriveDeadLetters",
        summary=f"Send dead letters back to their lanes, at most {MOST_LETTERS} a call; counts only, "
        "unless dry_run is false.",
        scope=Scope.JOBS_MANAGE,
        act=redrive,
        body="RedriveOrder",
        answers={200: "LetterTally"},
        problems=(400, 404, 409, 413, 415, 422),
    ),
    Route(
        method="POST",
        path="/v1/dead-letters/{agent_id}/purge",
        name="purgeDeadLetters",
        summary=f"Archive dead letters in S3 and delete them, at most {MOST_LETTERS} a call; counts only, "
        "unless dry_run is false.",
        scope=Scope.JOBS_MANAGE,
        act=purge,
        body="PurgeOrder",
        answers={200: "LetterTally"},
        problems=(400, 404, 413, 415, 422),
    ),
)
