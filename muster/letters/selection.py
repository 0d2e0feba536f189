"""Which dead letters are meant."""

from __future__ import annotations

from dataclasses import dataclass

from muster.letters.letter import Letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a letter must be like; None asks for nothing."""

    #: Class of the error, or its code.
    error: str | None = None
    #: Stands in its reason or its body, in whatever case.
    text: str | None = None
    job_id: str | None = None
    #: On whose behalf all of its jobs must be.
    tenant: str | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is meant."""
        if self.error is not None and self.error not in (
            letter.error_class,
            letter.reason.partition(":")[0] if letter.fence is not None else "SQS",
        ):
            return False
        if self.job_id is not None and self.job_id not in {p.job_id for p in letter.parcels}:
            return False
        if self.tenant is not None and letter.tenants != {self.tenant}:
            return False
        return self.text is None or self._is_in(letter)

    def _is_in(self, letter: Letter) -> bool:
        wanted = (self.text or "").casefold()
        return wanted in letter.reason.casefold() or wanted in letter.message.body.casefold()


EVERYTHING = Selection()
