"""How to reach Postgres: read from a secret or from a `DATABASE_URL`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from muster.errors import ConfigurationError

#: Certificate authorities of RDS, shipped with the runtime.
RDS_CERTIFICATES = Path(__file__).parent / "certificates" / "rds-global-bundle.pem"

#: Ways to speak to Postgres: to the one that was meant, or in the clear where nobody else is on the way.
TLS_MODES = ("verify-full", "disable")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """One database and the account to use there. The password never shows in a repr."""

    host: str
    port: int = 5432
    dbname: str
    username: str
    password: str = field(repr=False)
    #: One of `TLS_MODES`.
    tls: str = "verify-full"
    #: File of the certificate authorities that `verify-full` trusts.
    authorities: Path = RDS_CERTIFICATES

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any], *, tls: str) -> Self:
        """From a secret of RDS's shape: host, port, dbname, username, password.

        Raises:
            ConfigurationError: names the keys that are missing.
        """
        missing = [k for k in ("host", "port", "dbname", "username", "password") if k not in secret]
        if missing:
            raise ConfigurationError(
                f"the database secret lacks {', '.join(missing)}; "
                "it needs host, port, dbname, username and password"
            )
        return cls(
            host=str(secret["host"]),
            port=int(secret["port"]),
            dbname=str(secret["dbname"]),
            username=str(secret["username"]),
            password=str(secret["password"]),
            tls=tls,
        )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """From `postgresql://user:password@host:port/dbname[?sslmode=verify-full[&sslrootcert=FILE]]`.

        Raises:
            ConfigurationError: the URL is not of that form, or asks for TLS that proves nothing.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
            raise ConfigurationError(
                "DATABASE_URL must read postgresql://user:password@host:port/dbname"
            )
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        tls = asked.get("sslmode", "disable")
        if tls not in TLS_MODES:
            raise ConfigurationError(
                f"DATABASE_URL asks for sslmode={tls}, which does not verify whom it speaks to; "
                f"use {' or '.join(TLS_MODES)}"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or 5432,
            dbname=parts.path.lstrip("/") or "postgres",
            username=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
            tls=tls,
            authorities=Path(asked.get("sslrootcert", RDS_CERTIFICATES)),
        )

    def to_libpq(self, *, connect_seconds: int) -> dict[str, Any]:
        """Keyword arguments of `psycopg2.connect`."""
        arguments: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.dbname,
            "user": self.username,
            "password": self.password,
            "connect_timeout": connect_seconds,
            "sslmode": self.tls,
            "application_name": "muster",
        }
        if self.tls == "verify-full":
            arguments["sslrootcert"] = str(self.authorities)
        return arguments
