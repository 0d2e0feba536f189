"""Whether a migration only expands: code that still runs on the schema of before loses nothing."""

from __future__ import annotations

import re

#: What takes something from code that still runs on the schema of before.
_CONTRACTING = re.compile(
    r"\bDROP\s+(?:TABLE|COLUMN|INDEX|SEQUENCE|TYPE|FUNCTION|CONSTRAINT|VIEW|SCHEMA|TRIGGER|DEFAULT)\b"
    r"|\bRENAME\b|\bTRUNCATE\b|\bSET\s+DATA\s+TYPE\b|\bALTER\s+COLUMN\s+\w+\s+TYPE\b"
    r"|\bSET\s+NOT\s+NULL\b",
    re.IGNORECASE,
)
#: Cannot run in a transaction, so a kill would leave half of it.
_UNTRANSACTIONAL = re.compile(r"\bCONCURRENTLY\b|\bVACUUM\b|\bCREATE\s+DATABASE\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*")
#: What a function does when it is called is no part of the migration that makes it.
_FUNCTION = re.compile(r"\bCREATE\s+FUNCTION\b.*?\$\$(.*?)\$\$", re.IGNORECASE | re.DOTALL)
_EXECUTED = re.compile(r"\bEXECUTE\s+format\(\s*'(?:[^']|'')*'", re.IGNORECASE)
_ADDED_COLUMN = re.compile(r"\bADD\s+COLUMN\b[^,;]*", re.IGNORECASE)


def flaws(sql: str) -> list[str]:
    """What makes a migration more than an expansion."""
    code = _FUNCTION.sub(lambda made: _EXECUTED.sub("", made[0]), _COMMENT.sub("", sql))
    found = [match[0] for match in _CONTRACTING.finditer(code)]
    found += [match[0] for match in _UNTRANSACTIONAL.finditer(code)]
    for match in _ADDED_COLUMN.finditer(code):
        words = match[0].upper().split()
        if "NOT" in words and "DEFAULT" not in words:
            found.append(match[0])
    return found
