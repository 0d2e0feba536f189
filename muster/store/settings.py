"""How to reach Postgres: read from a secret or from a `DATABASE_URL`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from muster.errors import ConfigurationError

#: Certificate authorities of RDS, shipped with the runtime.
RDS_CERTIFICATES = Path(__file__).parent / "certificates" / "rds-global-bundle.pem"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """One database and the account to use there. The password never shows in a repr."""

    host: str
    port: int = 5432
    dbname: str
    username: str
    password: str = field(repr=False)
    #: `verify-full` or `disable`.
    tls: str = "verify-full"

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
        """From `postgresql://user:password@host:port/dbname[?sslmode=...]`.

        Raises:
            ConfigurationError: the URL is not of that form.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
            raise ConfigurationError(
                "DATABASE_URL must read postgresql://user:password@host:port/dbname"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or 5432,
            dbname=parts.path.lstrip("/") or "postgres",
            username=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
            tls="verify-full" if "sslmode=verify-full" in parts.query else "disable",
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
            arguments["sslrootcert"] = str(RDS_CERTIFICATES)
        return arguments
