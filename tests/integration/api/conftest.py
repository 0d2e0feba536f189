"""The API of these tests."""

from tests.support.api_calls import api

__all__ = ["api"]
