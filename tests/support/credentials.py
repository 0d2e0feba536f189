"""What looks like a credential in files of text, by detect-secrets."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

#: What every detector needs in a line: letters and digits in a row, an address with a password, or a word.
#: It looks at each line for a long time; three quarters of them need not be shown to it.
_CANDIDATE = re.compile(
    r"""[0-9a-fA-F]{8} | [\w+/=-]{20} | [A-Z0-9]{16} | ://[^/\s]*:[^/\s]*@ | BEGIN
      | (?i: (api|auth|service|account|db|database|priv|private|client).?key | pass | pwd | secret | contra )
    """,
    re.VERBOSE,
)

#: Detectors that go by the word before it, or by the place in an address.
_BY_PLACE = ("Secret Keyword", "Basic Auth Credentials")
#: What stands there in tests and documents: a short word, or lower case only. What is generated is neither.
_STANDS_FOR_ONE = re.compile(r".{1,7}|[a-z/_.-]+")


@dataclass(frozen=True, kw_only=True, order=True)
class Suspect:
    """Something that may be a credential. Its text is known by its digest alone."""

    file: str
    kind: str
    digest: str


def suspects(texts: Mapping[str, str]) -> set[Suspect]:
    """What looks like a credential in these texts, each under the name of its file."""
    found = SecretsCollection()
    with tempfile.TemporaryDirectory() as folder, default_settings():
        found.root = folder
        for name, text in texts.items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(_candidates(text)))
            found.scan_file(name)
    return {
        Suspect(file=name, kind=secret.type, digest=secret.secret_hash)
        for name, secret in found
        if not (secret.type in _BY_PLACE and _STANDS_FOR_ONE.fullmatch(secret.secret_value or ""))
    }


def _candidates(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if _CANDIDATE.search(line))
