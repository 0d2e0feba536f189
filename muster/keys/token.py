"""Short-lived tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256, by PyJWT.

There are two kinds, told apart by their audience. An *access* token stands for an API key, narrowed; it names
the key, and whether that still holds is asked at every call. An *execution* token lets whoever has it report
on one execution under one fence; the fence decides whether that still counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from muster.clock import Clock
from muster.errors import MusterError
from muster.keys.access import Hold
from muster.keys.signing import SigningKeys

ALGORITHM = "HS256"
ISSUER = "muster"
ACCESS = "muster:access"
EXECUTION = "muster:execution"

#: Longest token that is looked at, in characters.
LONGEST = 4096

#: A report is still heard so long after the deadline of its execution: the fence tells whether it counts.
REPORT_GRACE = timedelta(minutes=5)


class TokenInvalid(MusterError):
    """It is no token of ours, or it has expired."""

    code = "unauthorized"


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a valid token says."""

    #: The API key that it stands for, or in whose name the execution was claimed.
    key_id: str
    #: Of an access token: all that it allows.
    scopes: frozenset[str] = frozenset()
    #: Of an execution token: what it lets report on, and for which tenant.
    hold: Hold | None = None
    tenant: str | None = None


class Tokens:
    """Issues and reads the tokens of a stage."""

    def __init__(self, *, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def access(
        self, *, key_id: str, scopes: frozenset[str], lifetime: timedelta
    ) -> tuple[str, datetime]:
        """A token for what those scopes allow, and when it ends.

        Raises:
            SecretsUnavailable, ConfigurationError: there is nothing to sign with.
        """
        ends = self._now() + lifetime
        return self._sign(ACCESS, key_id, ends, {"scope": " ".join(sorted(scopes))}), ends

    def execution(self, hold: Hold, *, key_id: str, tenant: str) -> str:
        """A token for reports on an execution that somebody holds. Raises as `access`."""
        claims = {
            "tenant": tenant,
            "execution": hold.execution_id,
            "created": hold.created_at.isoformat(),
            "fence": hold.fence,
            "deadline": hold.deadline.isoformat(),
            "lease": hold.lease.total_seconds(),
        }
        return self._sign(EXECUTION, key_id, hold.deadline + REPORT_GRACE, claims)

    def read(self, text: str) -> Token:
        """What a token says.

        Raises:
            TokenInvalid: it is none of ours, was changed, or has expired.
            SecretsUnavailable, ConfigurationError: nobody can tell now.
        """
        import jwt

        if len(text) > LONGEST:
            raise TokenInvalid
        try:
            key = self._keys.find(str(jwt.get_unverified_header(text).get("kid")))
            if key is None:
                raise TokenInvalid
            claims = jwt.decode(
                text,
                key.text,
                algorithms=[ALGORITHM],
                audience=[ACCESS, EXECUTION],
                issuer=ISSUER,
                # Expiry is by our clock, below.
                options={
                    "require": ["exp", "iat", "aud", "iss", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            if claims["exp"] <= self._clock.now().timestamp():
                raise TokenInvalid
            return _read(claims)
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError) as error:
            raise TokenInvalid from error

    def _sign(self, audience: str, key_id: str, ends: datetime, claims: Mapping[str, Any]) -> str:
        import jwt

        key = self._keys.current()
        said = {
            "iss": ISSUER,
            "aud": audience,
            "sub": key_id,
            "iat": int(self._now().timestamp()),
            "exp": int(ends.timestamp()),
            **claims,
        }
        return jwt.encode(said, key.text, algorithm=ALGORITHM, headers={"kid": key.name})

    def _now(self) -> datetime:
        return self._clock.now().astimezone(UTC).replace(microsecond=0)


def _read(claims: Mapping[str, Any]) -> Token:
    match claims["aud"]:
        case "muster:access":
            return _access(claims)
        case "muster:execution":
            return _execution(claims)
        case _:
            raise TokenInvalid  # for several audiences at once


def _access(claims: Mapping[str, Any]) -> Token:
    return Token(key_id=claims["sub"], scopes=frozenset(str(claims["scope"]).split()))


def _execution(claims: Mapping[str, Any]) -> Token:
    return Token(
        key_id=claims["sub"],
        tenant=str(claims["tenant"]),
        hold=Hold(
            execution_id=str(claims["execution"]),
            created_at=datetime.fromisoformat(claims["created"]),
            fence=int(claims["fence"]),
            deadline=datetime.fromisoformat(claims["deadline"]),
            lease=timedelta(seconds=float(claims["lease"])),
        ),
    )
