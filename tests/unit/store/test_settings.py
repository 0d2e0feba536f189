"""How to reach Postgres."""

from __future__ import annotations

import pytest

from muster.errors import ConfigurationError
from muster.store.settings import RDS_CERTIFICATES, DatabaseSettings

SECRET = {"host": "h", "port": "5433", "dbname": "d", "username": "u", "password": "p@ss/:"}


def test_a_secret_of_rds_is_understood():
    settings = DatabaseSettings.from_secret(SECRET, tls="verify-full")
    libpq = settings.to_libpq(connect_seconds=3)
    assert (libpq["host"], libpq["port"], libpq["dbname"]) == ("h", 5433, "d")
    assert (libpq["user"], libpq["password"], libpq["sslmode"]) == ("u", "p@ss/:", "verify-full")
    assert libpq["sslrootcert"] == str(RDS_CERTIFICATES)
    assert RDS_CERTIFICATES.is_file()


def test_a_secret_that_lacks_keys_is_told_all_of_them():
    with pytest.raises(ConfigurationError, match="lacks port, password; it needs host"):
        DatabaseSettings.from_secret({"host": "h", "dbname": "d", "username": "u"}, tls="disable")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss@h:5433/d", ("h", 5433, "d", "u", "p@ss", "disable")),
        ("postgres://u@h/d?sslmode=verify-full", ("h", 5432, "d", "u", "", "verify-full")),
        ("postgresql://h", ("h", 5432, "postgres", "postgres", "", "disable")),
    ],
)
def test_a_url_is_understood(url: str, expected: tuple[object, ...]):
    s = DatabaseSettings.from_url(url)
    assert (s.host, s.port, s.dbname, s.username, s.password, s.tls) == expected


def test_a_url_may_name_its_own_authorities():
    asked = "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/etc/ssl/own.pem"
    libpq = DatabaseSettings.from_url(asked).to_libpq(connect_seconds=1)
    assert (libpq["sslmode"], libpq["sslrootcert"]) == ("verify-full", "/etc/ssl/own.pem")


@pytest.mark.parametrize("mode", ["require", "prefer", "allow", "verify-ca"])
def test_tls_that_proves_nothing_is_refused_and_not_taken_for_none(mode: str):
    with pytest.raises(ConfigurationError, match=f"sslmode={mode}.*use verify-full or disable"):
        DatabaseSettings.from_url(f"postgresql://u@h/d?sslmode={mode}")


@pytest.mark.parametrize("url", ["", "mysql://h/d", "postgresql:///d", "h:5432"])
def test_another_url_is_told_what_it_must_be(url: str):
    with pytest.raises(ConfigurationError, match="must read postgresql://"):
        DatabaseSettings.from_url(url)


def test_the_password_does_not_show():
    settings = DatabaseSettings.from_secret({**SECRET, "password": "canary"}, tls="disable")
    assert "canary" not in repr(settings)
    assert "sslrootcert" not in settings.to_libpq(connect_seconds=1)
