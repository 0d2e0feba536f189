"""How far a job came: what its checkpoints hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from muster import Cancelled, Job, PermanentError

from .lines import Place
from .stored_object import StoredObject
from .tally import Tally

#: `check` looks through a file that is to be refused as a whole, `post` posts it.
Phase = Literal["check", "post"]

#: Errors that end the job of an event as cancelled while nothing is posted: the object that it told of is no
#: longer there. An object that was overwritten has sent an event of its own.
_PASSED = {"object_missing": "object_gone", "object_overwritten": "object_overwritten"}


@dataclass(kw_only=True, slots=True)
class Progress:
    """What is done up to a place, in one version of an object."""

    object: StoredObject
    phase: Phase
    #: Every line before it has its verdict in the tally.
    place: Place
    tally: Tally

    @classmethod
    def begun(cls, found: StoredObject, *, phase: Phase, reported: int) -> Self:
        """At the beginning of a phase."""
        return cls(object=found, phase=phase, place=Place(), tally=Tally(reported=reported))

    @classmethod
    def of(cls, state: Mapping[str, Any], *, reported: int) -> Self:
        """As `state` was."""
        return cls(
            object=StoredObject(**state["object"]),
            phase=state["phase"],
            place=Place(**state["place"]),
            tally=Tally(state["tally"], reported=reported),
        )

    def state(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "object": self.object.state(),
            "phase": self.phase,
            "place": {"offset": self.place.offset, "line": self.place.line},
            "tally": self.tally.state(),
        }

    def result(self) -> dict[str, Any]:
        """What the job returns."""
        return {"object": self.object.state(), **self.tally.state()}


def progress_of(job: Job, *, client: Any = None) -> Progress:
    """Where an attempt goes on.

    Raises:
        PermanentError: as `StoredObject.find`.
        Cancelled: the job came of an event, and its object was deleted or overwritten since.
    """
    reported = job.config["reported_lines"]
    if job.state is not None:
        return Progress.of(job.state, reported=reported)
    try:
        found = StoredObject.find(job.params, client=client)
    except PermanentError as error:
        # Only an event has a sequencer.
        if "sequencer" in job.params and error.code in _PASSED:
            raise Cancelled(_PASSED[error.code]) from error
        raise
    phase: Phase = "check" if job.config["on_error"] == "refuse" else "post"
    progress = Progress.begun(found, phase=phase, reported=reported)
    # All attempts read the same version.
    job.checkpoint(progress.state())
    return progress
