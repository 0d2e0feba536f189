"""The API of these tests."""

from tests.support.api_calls import api
from tests.support.hooks import new_sender
from tests.support.measured import busy, everything

__all__ = ["api", "busy", "everything", "new_sender"]
