"""What an agent returned, as the JSON that is kept."""

from __future__ import annotations

from typing import Any

from muster.errors import PermanentError
from muster.store.document import bounded_document


class ResultUnstorable(PermanentError):
    """The agent returned what JSON cannot express; what it did is done, so it is not repeated."""

    code = "result_not_json"


class ResultTooLarge(PermanentError):
    """The agent returned more than is taken from it; what it did is done, so it is not repeated."""

    code = "result_too_large"


def result_text(result: Any) -> str:
    """The result as JSON.

    Raises:
        ResultUnstorable: it is not JSON.
    """
    try:
        return bounded_document(result)
    except (TypeError, ValueError, RecursionError) as problem:
        raise ResultUnstorable(
            f"the result cannot be stored as JSON ({problem}); return dicts, lists, strings, "
            "finite numbers, booleans or None"
        ) from problem
