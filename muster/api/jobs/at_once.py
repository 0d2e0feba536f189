"""`POST /v1/jobs` in one round trip to the database, where caller and agent are as remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from muster.api.gate import too_often
from muster.api.jobs.submission import answered, prepared, taken, wanted_of
from muster.api.problem import Problem

if TYPE_CHECKING:
    from muster.api.answer import Answer
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.keys.recognition import StoredKey


def submit_at_once(call: Call, key: StoredKey, services: Services) -> Answer | None:
    """Recognise, count and record; None, and nothing is done, when the ordinary way has to say what is wrong.

    The message is made while Postgres works, and sent once the record is on disk.
    """
    try:
        wanted = wanted_of(call, services)
    except Problem:
        return None
    known = services.remembered.known(call.tenant, wanted.agent_id)
    if known is None or known.problem(wanted.params) is not None:
        return None
    agent, ready = known.agent, list[Callable[[], None]]()

    def meanwhile() -> None:
        ready.append(prepared(call, services, agent, wanted))
        services.unheard.hear()

    submitted = services.at_once.submit(wanted, key=key, agent=agent, meanwhile=meanwhile)
    if submitted is None:
        return None
    if not submitted.counted:
        raise too_often(key.principal.key_id, services)
    if submitted.document is None:
        return answered(call, services, wanted)
    for send in ready:
        send()
    return taken(submitted.document)
