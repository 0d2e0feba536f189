"""The CDK CLI's output as short lines."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: `stack | 3/10 | 12:00:00 PM | CREATE_COMPLETE | AWS::SQS::Queue | Path/Of/Resource (Id)`
_EVENT = re.compile(
    r"^(?P<stack>\S+) \|\s*(?P<done>\S+) \| [^|]+ \| (?P<status>\w+)\s+\| (?P<type>\S+)\s*\|"
)
_STACK = re.compile(r"^ ?(?P<mark>[✅❌])\s+(?P<stack>muster-[\w-]+)(?P<rest>.*)$")
_TRACEBACK = "Traceback (most recent call last):"
_LAST_WORDS = 20
_SYNTHESIS = re.compile(r"Synthesis time: ([\d.]+)s")


class Progress:
    """Reads the CLI's lines one by one and says what a person waits for."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._changed: dict[str, int] = {}
        self._tail: deque[str] = deque(maxlen=200)

    def read(self, line: str) -> None:
        """Take one line of output."""
        line = _ANSI.sub("", line).rstrip()
        if not line.strip():
            return
        if event := _EVENT.match(line):
            self._event(event)
            return
        self._tail.append(line)
        if synthesis := _SYNTHESIS.search(line):
            self._say(f"  synthesised in {float(synthesis[1]):.0f} s")
        elif stack := _STACK.match(line):
            self._stack(stack)

    def _event(self, event: re.Match[str]) -> None:
        stack, status = event["stack"], event["status"]
        if status.endswith("_FAILED"):
            self._say(f"  {stack}: {event['type']} {status}")
        elif status.endswith("_COMPLETE"):
            self._changed[stack] = self._changed.get(stack, 0) + 1

    def _stack(self, match: re.Match[str]) -> None:
        stack = match["stack"]
        if match["mark"] == "❌":
            self._say(f"  {stack}: failed")
        elif "no changes" in match["rest"]:
            self._say(f"  {stack}: no changes")
        else:
            self._say(f"  {stack}: {self._changed.get(stack, 0)} changes")

    def last_words(self) -> list[str]:
        """What a failed synth said at last: its errors, of a traceback the exception only."""
        lines = list(self._tail)
        if _TRACEBACK in lines:
            after = lines[len(lines) - lines[::-1].index(_TRACEBACK) :]
            lines = [line for line in after if not line.startswith(" ")]
        return lines[-_LAST_WORDS:]
