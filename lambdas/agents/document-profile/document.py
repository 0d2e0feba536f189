"""A document: its bytes, its name if it has one, and its text if it is one."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property

from muster import PermanentError

#: Byte order marks and what they announce; UTF-32's begins with UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: How far to look for a NUL, which text without a byte order mark does not have.
_PROBE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Document:
    """What is to be profiled."""

    #: Name with its suffix; empty when it has none.
    name: str
    content: bytes

    @classmethod
    def inline(cls, text: str) -> Document:
        """A document that came as text."""
        return cls(name="", content=text.encode())

    @property
    def suffix(self) -> str:
        """Lower case and without the dot; empty when there is none."""
        _, dot, suffix = self.name.rpartition("/")[2].rpartition(".")
        return suffix.lower() if dot else ""

    @property
    def encoding(self) -> str:
        """UTF-8 unless a byte order mark says otherwise; Latin-1 if it is not UTF-8 after all."""
        return self._decoded[0]

    @property
    def text(self) -> str:
        """The content as text, without its byte order mark.

        Raises:
            PermanentError: the content is binary.
        """
        return self._decoded[1]

    @cached_property
    def _decoded(self) -> tuple[str, str]:
        marked = next((codec for mark, codec in _MARKS if self.content.startswith(mark)), None)
        if marked is None and b"\0" in self.content[:_PROBE_BYTES]:
            raise PermanentError(
                "The document is neither CSV, JSON, text nor PDF: it is binary. "
                "Convert it to one of them.",
                code="unsupported_type",
            )
        try:
            return (marked or "utf-8").removesuffix("-sig"), self.content.decode(marked or "utf-8")
        except UnicodeDecodeError:
            if marked is not None:
                raise PermanentError(
                    f"The document begins as {marked} but is not valid {marked} throughout.",
                    code="broken_text",
                ) from None
        return "latin-1", self.content.decode("latin-1")
