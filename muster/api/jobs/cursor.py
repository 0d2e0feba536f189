"""The place where a page ended, as a text that callers hand back as it is."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from uuid import UUID

from muster.api.problem import Problem, invalid
from muster.store.tenant_jobs import Place


def to_cursor(place: Place) -> str:
    """The text of a place. It names a row, not a number of rows: what comes meanwhile moves nothing."""
    text = f"{place.created_at.isoformat()} {place.execution_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> Place:
    """The place that a text means.

    Raises:
        Problem: it is none that `to_cursor` made (422).
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        at, _, execution_id = text.decode().partition(" ")
        moment = datetime.fromisoformat(at)
        place = Place(created_at=moment, execution_id=str(UUID(execution_id)))
    except (ValueError, binascii.Error) as error:
        raise _foreign() from error
    if moment.tzinfo is None:
        raise _foreign()
    return place


def _foreign() -> Problem:
    return invalid("the cursor is none of ours: take next_cursor of the last page as it is")
