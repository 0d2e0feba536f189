"""The API of these tests."""

from tests.support.api_calls import api
from tests.support.hooks import new_sender

__all__ = ["api", "new_sender"]
