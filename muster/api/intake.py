"""What is said at the doors while the stage takes no jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muster.api.problem import Problem
from muster.intake.decision import BUDGET
from muster.store.intake import Intake

if TYPE_CHECKING:
    from muster.api.services import Services

#: Most seconds after which somebody may come back: a limit can be raised, a person can open the doors.
MOST_SECONDS = 3600


def intake_stopped(services: Services) -> Problem | None:
    """The answer to what was not taken; None: the stage takes jobs, so it was for another reason.

    It is asked for only once something was not taken: a job that is taken costs no question.
    """
    stopped = Intake(services.database).stopped()
    if stopped is None:
        return None
    seconds = min(stopped.seconds_left or MOST_SECONDS, MOST_SECONDS)
    if stopped.changed_by == BUDGET:
        why = "this month's limit of metered cost is reached; it ends with the month (UTC)"
        cure = "its operator can raise the limit, or `muster intake resume`"
    else:
        why = "its operator has stopped it"
        cure = "`muster intake resume` ends that"
    return Problem(
        503,
        "intake_stopped",
        f"the stage takes no jobs now: {why}; {cure}; try again in {seconds} s",
        headers={"Retry-After": str(max(1, seconds))},
    )
