"""The HTTP API of a stage, as the command line calls it: the standard library's client, JSON both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from muster.errors import ConfigurationError, MusterError

#: Where the API is, and the key that calls it.
API_URL = "MUSTER_API_URL"
API_KEY = "MUSTER_API_KEY"

#: API Gateway itself answers within 30 s.
_TIMEOUT_SECONDS = 35


class ApiError(MusterError):
    """The API did not do what it was asked."""

    code = "api_error"


class ApiClient:
    """Calls of one key."""

    def __init__(self, *, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """The API that the environment names.

        Raises:
            ConfigurationError: it names none, or no key.
        """
        missing = [name for name in (API_URL, API_KEY) if not environ.get(name)]
        if missing:
            raise ConfigurationError(
                f"{' and '.join(missing)} not set: {API_URL} is the stack output ApiUrl, "
                f"{API_KEY} what `muster keys create` shows"
            )
        url = environ[API_URL]
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ConfigurationError(
                f"{API_URL} must be an https address: a key travels with each call"
            )
        return cls(url=url, key=environ[API_KEY])

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer's object.

        Raises:
            ApiError: no answer, or a problem; its message says which, and never the key.
        """
        import json
        from urllib import error, request

        call = request.Request(  # noqa: S310 - the scheme was checked
            self._url + path,
            method=method,
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with request.urlopen(call, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - likewise
                return json.load(answer)
        except error.HTTPError as refused:
            with refused:
                told = refused.read(2000).decode("utf-8", "replace")
            raise ApiError(f"{method} {path}: {refused.code} {told}") from refused
        except (OSError, ValueError) as broken:
            raise ApiError(f"{method} {path}: no answer: {broken}") from broken
