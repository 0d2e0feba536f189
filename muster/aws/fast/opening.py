"""A `FastSqs` for where botocore says SQS is, in the name that botocore finds."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

from muster.aws.client import CONNECT_TIMEOUT, make_client, new_session
from muster.aws.fast.caller import Caller
from muster.aws.fast.client import FastSqs
from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.connection import Address
from muster.aws.fast.credentials import Credentials, Keyring
from muster.aws.fast.pool import Pool
from muster.aws.fast.signing import Place
from muster.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}


def open_fast(*, patience: float) -> FastSqs:
    """Region, endpoint, credentials and certificates come from the usual places.

    Args:
        patience: longest silence of SQS within one try, in seconds.

    Raises:
        ConfigurationError: no region is set, or calls of SQS have to go through a proxy.
    """
    # botocore is asked for its answers and not for its calls: this client never sends anything.
    meta = make_client("sqs", read_timeout=patience).meta
    if _needs_proxy(meta.endpoint_url):
        raise ConfigurationError(
            f"A proxy is set for {meta.endpoint_url}, and the fast SQS transport speaks to none. Add the "
            "host to NO_PROXY, or choose the transport `boto3`."
        )
    return fast_sqs(
        endpoint_url=meta.endpoint_url,
        region=meta.region_name,
        keyring=Keyring(_search),
        patience=patience,
    )


def fast_sqs(
    *,
    endpoint_url: str,
    region: str,
    keyring: Keyring,
    patience: float,
    clock: ServiceClock | None = None,
    **waits: Any,
) -> FastSqs:
    """The same for a given place; `waits` are `sleep` and `chance` of `Caller`."""
    parts = urlsplit(endpoint_url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    pool = Pool(
        Address(
            host=host,
            port=port,
            tls=_tls() if parts.scheme == "https" else None,
            connect_timeout=CONNECT_TIMEOUT,
        )
    )
    place = Place(
        region=region,
        host=shown if port == _PORTS[parts.scheme] else f"{shown}:{port}",
        path=parts.path.rstrip("/") + "/",
    )
    caller = Caller(pool=pool, place=place, keyring=keyring, url=endpoint_url, clock=clock, **waits)
    return FastSqs(caller, pool, patience=patience)


def _search() -> Credentials | None:
    # A session remembers what it found, so each search has its own.
    return new_session().get_credentials()


def _needs_proxy(url: str) -> bool:
    import botocore.utils  # pyright: ignore[reportMissingTypeStubs]  # it ships none

    utils: Any = botocore.utils
    return urlsplit(url).scheme in utils.get_environ_proxies(url)


def _tls() -> ssl.SSLContext:
    """What botocore trusts: AWS_CA_BUNDLE or `ca_bundle` of the profile, or else the bundle it comes with."""
    import botocore.httpsession  # pyright: ignore[reportMissingTypeStubs]  # it ships none
    import botocore.session  # pyright: ignore[reportMissingTypeStubs]  # it ships none

    sessions: Any = botocore.session
    http: Any = botocore.httpsession
    bundle = sessions.get_session().get_config_variable("ca_bundle") or http.get_cert_path(True)
    context = ssl.create_default_context(cafile=bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
