"""The certificate authorities that RDS's servers are verified with."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

from muster.store.settings import RDS_CERTIFICATES


def authorities() -> list[dict[str, object]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(RDS_CERTIFICATES)
    return context.get_ca_certs()  # type: ignore[return-value]  # typeshed is vaguer than this


def name(certificate: dict[str, object], field: str) -> str:
    parts = dict(pair for (pair,) in certificate[field])  # type: ignore[attr-defined]  # see above
    return parts["commonName"]


def test_every_certificate_is_a_root_of_rds_that_lasts():
    found = authorities()
    assert len(found) == RDS_CERTIFICATES.read_text().count("BEGIN CERTIFICATE")
    for certificate in found:
        assert name(certificate, "subject") == name(certificate, "issuer")
        assert name(certificate, "subject").startswith("Amazon RDS ")
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
        assert ends > datetime.now(UTC) + timedelta(days=3650)


def test_every_region_has_the_authority_that_the_instances_use():
    from stacks.network import S3_PREFIX_LISTS

    names = {name(certificate, "subject") for certificate in authorities()}
    missing = {r for r in S3_PREFIX_LISTS if f"Amazon RDS {r} Root CA RSA2048 G1" not in names}
    assert missing == set()
