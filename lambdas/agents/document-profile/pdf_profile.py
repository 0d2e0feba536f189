"""Profile of a PDF, by pypdf."""

from __future__ import annotations

import io
from typing import Any

from muster import PermanentError

#: Most characters of a title.
MAX_TITLE_LENGTH = 500


def profile_pdf(content: bytes) -> dict[str, Any]:
    """Pages and title; both are None when a password hides them.

    Raises:
        PermanentError: `broken_pdf`.
    """
    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError

    try:
        reader = PdfReader(io.BytesIO(content))
        encrypted = reader.is_encrypted
        try:
            return {
                "pages": len(reader.pages),
                "title": _title(reader),
                "encrypted": encrypted,
            }
        except FileNotDecryptedError:
            return {"pages": None, "title": None, "encrypted": True}
    except MemoryError:
        raise
    except Exception as exc:
        raise PermanentError(
            f"The document is no valid PDF ({type(exc).__name__}).", code="broken_pdf"
        ) from exc


def _title(reader: Any) -> str | None:
    title = reader.metadata.title if reader.metadata else None
    return str(title)[:MAX_TITLE_LENGTH] if title else None
