"""`verify-full`: the certificate must be of a trusted authority, and for the name that was called."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import StoreUnavailable
from muster.store.connection import Database, administer
from muster.store.settings import RDS_CERTIFICATES, DatabaseSettings
from muster.store.statements import preparable
from tests.support.certificates import Authority
from tests.support.tls_front import TlsFront

WHERE = preparable("asks_where", "SELECT current_database()")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path) -> Path:
    """The file of the authority that the server's certificate is of."""
    file = tmp_path / "authority.pem"
    file.write_text(authority.pem)
    return file


@pytest.fixture
def plain(database_url: str) -> DatabaseSettings:
    """The real server, without TLS."""
    return DatabaseSettings.from_url(database_url)


def front(context: ssl.SSLContext, plain: DatabaseSettings) -> TlsFront:
    return TlsFront(context, port=plain.port)


@pytest.fixture
def served(authority: Authority, plain: DatabaseSettings) -> Iterator[TlsFront]:
    """The real server behind TLS, by the name of `localhost` and no other."""
    with front(authority.serve("localhost"), plain) as tls:
        yield tls


def over(tls: TlsFront, plain: DatabaseSettings, trusted: Path, **changes: str) -> DatabaseSettings:
    """Settings that ask for `verify-full` there."""
    query = f"sslmode=verify-full&sslrootcert={trusted}"
    url = f"postgresql://u:p@localhost:{tls.port}/{plain.dbname}?{query}"
    settings = replace(
        DatabaseSettings.from_url(url), username=plain.username, password=plain.password
    )
    return replace(settings, **changes)


def refusal(settings: DatabaseSettings) -> str:
    """Why both kinds of connections are refused."""
    database = Database(lambda _: settings, call_seconds=20, retry_seconds=0)
    with pytest.raises(StoreUnavailable) as by_worker:
        database.run(WHERE)
    with pytest.raises(StoreUnavailable) as by_operator:
        administer(settings)
    assert settings.password not in f"{by_worker.value}{by_operator.value}"
    return f"{by_worker.value}\n{by_operator.value}"


def test_the_right_authority_and_name_are_let_through_encrypted(
    served: TlsFront, plain: DatabaseSettings, trusted: Path
):
    settings = over(served, plain, trusted)
    with closing(administer(settings)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == (plain.dbname,)
        assert connection.info.ssl_in_use
    database = Database(lambda _: settings)
    assert database.run(WHERE) == [(plain.dbname,)]
    database.close()
    assert served.sessions == 2


def test_another_authority_is_refused(
    served: TlsFront, plain: DatabaseSettings, trusted: Path, tmp_path: Path
):
    # Given an authority of the same name that did not sign the server's certificate
    other = tmp_path / "other"
    other.mkdir()
    stranger = other / "authority.pem"
    stranger.write_text(Authority(other).pem)
    # Then it is refused, and so is a certificate of ours where RDS's authorities are expected, as by default
    assert refusal(over(served, plain, stranger)).count("certificate verify failed") == 2
    by_default = over(served, plain, RDS_CERTIFICATES)
    assert refusal(by_default).count("certificate verify failed") == 2
    # And nothing was sent there
    assert served.sessions == 0


def test_another_name_is_refused(served: TlsFront, plain: DatabaseSettings, trusted: Path):
    # Given the right certificate, at an address that it does not name
    settings = over(served, plain, trusted, host="127.0.0.1")
    # Then who asked for that address does not take it for the one that was meant
    assert refusal(settings).count('does not match host name "127.0.0.1"') == 2
    assert served.sessions == 0


def test_an_expired_certificate_is_refused(
    authority: Authority, plain: DatabaseSettings, trusted: Path
):
    with front(authority.serve("localhost", expired=True), plain) as tls:
        assert refusal(over(tls, plain, trusted)).count("certificate verify failed") == 2


def test_a_server_without_tls_is_refused(plain: DatabaseSettings, trusted: Path):
    # Given a server that speaks no TLS, as whoever stands between could pretend
    settings = replace(plain, host="localhost", tls="verify-full", authorities=trusted)
    # Then the password is not sent in the clear
    assert refusal(settings).count("does not support SSL") == 2
