"""What kind of document it is: by its content first, by its name where content cannot tell."""

from __future__ import annotations

from enum import StrEnum

from .delimited import guess_delimiter
from .document import Document
from .json_profile import parses

#: A PDF may have some bytes before its header.
_PDF_HEADER_WITHIN = 1024


class Kind(StrEnum):
    """The kinds that can be profiled."""

    CSV = "csv"
    JSON = "json"
    PDF = "pdf"
    TEXT = "text"


_BY_SUFFIX = {"csv": Kind.CSV, "tsv": Kind.CSV, "json": Kind.JSON, "geojson": Kind.JSON}
_PROSE = frozenset({"txt", "md", "rst", "log"})


def detect(document: Document) -> Kind:
    """The kind of the document.

    Raises:
        PermanentError: it is of none of them.
    """
    if b"%PDF-" in document.content[:_PDF_HEADER_WITHIN]:
        return Kind.PDF
    text = document.text
    if document.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[document.suffix]
    if document.suffix in _PROSE:
        return Kind.TEXT
    if text.lstrip()[:1] in ("{", "[") and parses(text):
        return Kind.JSON
    return Kind.CSV if guess_delimiter(text) else Kind.TEXT
