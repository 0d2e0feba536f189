"""Profiles one document: given inline as `text`, or as an object of the uploads bucket."""

from __future__ import annotations

import hashlib
from typing import Any

from muster import Job, agent

from .document import Document
from .kind import Kind, detect
from .objects import read_object
from .profiles import profile_of


@agent
def profile(job: Job) -> dict[str, Any]:
    """What the document is.

    Returns:
        `type`, `size` (bytes), `sha256`, and by type: `rows`, `columns`, `column_types` (csv),
        `shape` (json), `pages`, `title`, `encrypted` (pdf), `words`, `lines`, `characters` (text).

    Raises:
        PermanentError: the document is missing, forbidden, too large, broken or of no known type;
            `code` says which.
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
    return Document(name=key, content=read_object(bucket, key, version_id=params.get("version_id")))
