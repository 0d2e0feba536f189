"""Which profile a kind of document gets. Parsers are loaded with the first document that needs them."""

from __future__ import annotations

from typing import Any

from .document import Document
from .kind import Kind


def profile_of(document: Document, kind: Kind) -> dict[str, Any]:
    """The part of the result that depends on the kind.

    Raises:
        PermanentError: the document is broken; `code` is `broken_` and its kind.
    """
    match kind:
        case Kind.CSV:
            from .csv_profile import profile_csv

            return profile_csv(document.text)
        case Kind.JSON:
            from .json_profile import profile_json

            return profile_json(document.text)
        case Kind.PDF:
            from .pdf_profile import profile_pdf

            return profile_pdf(document.content)
        case Kind.TEXT:
            from .text_profile import profile_text

            return profile_text(document.text)
