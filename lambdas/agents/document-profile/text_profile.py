"""Profile of plain text."""

from __future__ import annotations

import re
from typing import Any

_LINE_END = re.compile(r"\r\n|\r|\n")


def profile_text(text: str) -> dict[str, Any]:
    """Words are separated by white space; a last line counts with or without its line end."""
    ends = len(_LINE_END.findall(text))
    unfinished = bool(text) and text[-1] not in "\r\n"
    return {"words": len(text.split()), "lines": ends + unfinished, "characters": len(text)}
