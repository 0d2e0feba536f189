"""Profiles one document: given inline as `text`, or as an object of the uploads bucket."""

from __future__ import annotations

import hashlib
from typing import Any

from muster import Cancelled, Job, PermanentError, agent

from .document import Document
from .kind import Kind, detect
from .objects import read_object
from .profiles import profile_of

#: Errors that end the job of an event as cancelled: the object that it told of is no longer there. An
#: object that was overwritten has sent an event of its own.
_PASSED = {"object_missing": "object_gone", "object_overwritten": "object_overwritten"}


@agent
def profile(job: Job) -> dict[str, Any]:
    """What the document is.

    Returns:
        `type`, `size` (bytes), `sha256`, and by type: `rows`, `columns`, `column_types` (csv),
        `shape` (json), `pages`, `title`, `encrypted` (pdf), `words`, `lines`, `characters` (text).

    Raises:
        PermanentError: the document is missing, forbidden, too large, broken or of no known type;
            `code` says which.
        Cancelled: the job came of an event, and its object was deleted or overwritten since.
    """
    document = _document(job.params)
    kind = detect(document)
    return {
        "type": str(kind),
        "size": len(document.content),
        "sha256": hashlib.sha256(document.content).hexdigest(),
        **({} if kind is Kind.PDF else {"encoding": document.encoding}),
        **profile_of(document, kind),
    }


def _document(params: Any) -> Document:
    if "text" in params:
        return Document.inline(params["text"])
    bucket, key = params["bucket"], params["key"]
    version_id, etag = params.get("version_id"), params.get("etag")
    try:
        content = read_object(bucket, key, version_id=version_id, etag=etag)
    except PermanentError as error:
        # Only an event has a sequencer.
        if "sequencer" in params and error.code in _PASSED:
            raise Cancelled(_PASSED[error.code]) from error
        raise
    return Document(name=key, content=content)
