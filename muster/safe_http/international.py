"""Host names beyond ASCII: one form for each, on which old and new readers agree, or none."""

from __future__ import annotations

import re
import unicodedata

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
#: IDNA 2003 and IDNA 2008 make different names of these (UTS 46, "deviation characters").
_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")
#: Invisible letters, which only newer readers drop.
_FILLERS = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def to_ascii(host: str) -> str:
    """The ASCII form of a host: as IDNA 2003 has it, where today's Unicode maps it the same way.

    Full-width letters, circled digits and ideographic dots become what they stand for, so what comes
    back may well be an address. Names on which the standards differ are refused rather than guessed.

    Raises:
        ValueError: it has none; the sender can still write it in its `xn--` form.
    """
    # Imported here: it pulls in the tables of Unicode 3.2, which ASCII names do not need.
    import stringprep
    from encodings import idna

    doubtful = _DEVIATIONS | _FILLERS
    if any(char in doubtful or stringprep.in_table_a1(char) for char in host):
        raise ValueError("the standards for international names differ on it")
    labels = [idna.nameprep(label) for label in _DOTS.split(host)]
    if labels != [_modern(label) for label in _DOTS.split(host)]:
        raise ValueError("the standards for international names differ on it")
    mapped = ".".join(labels)
    if mapped.isascii():
        return mapped
    rooted = mapped.endswith(".")
    names = mapped[:-1].split(".") if rooted else mapped.split(".")
    return ".".join(idna.ToASCII(name).decode("ascii") for name in names) + "." * rooted


def _modern(label: str) -> str:
    """NFKC_Casefold by the interpreter's Unicode; characters that map to nothing are dropped alike."""
    import stringprep

    kept = "".join(char for char in label if not stringprep.in_table_b1(char))
    folded = unicodedata.normalize("NFKC", kept).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
