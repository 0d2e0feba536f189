"""What is wrong with manifests, told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from muster.errors import ConfigurationError

#: A value longer than this is cut in a message.
_SHOWN = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to mend in a manifest."""

    #: Path of the manifest, or of the folder that should hold it.
    file: str
    #: Dotted key inside the file, e.g. `queue.batch` or `schedule[0].cron`; empty for the file itself.
    key: str
    #: The value as found, shortened; `(missing)` where there is none.
    value: str
    #: What would be right: one sentence.
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place} = {self.value}: {self.cure}" if self.value else f"{place}: {self.cure}"


class ManifestError(ConfigurationError):
    """Manifests with problems; `problems` holds every one of them."""

    code = "manifest"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in manifests"
        super().__init__("\n".join([f"{count}:", *(f"  {problem}" for problem in problems)]))


MISSING = "(missing)"


def shown(value: Any) -> str:
    """A value as a message shows it: one line of ASCII-safe text, shortened."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # too deep, or an integer too long to print
        text = f"({type(value).__name__})"
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
