"""The emulator as an AWS account: clients, and the environment that points any tool at it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from local.emulator import CREDENTIAL, REGION

if TYPE_CHECKING:
    from boto3.session import Session

#: Seconds that a role's credentials hold: a year.
_SESSION = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalAws:
    """An emulator's endpoint with the credentials it takes."""

    endpoint: str

    def variables(self) -> dict[str, str]:
        """What `muster env` exports for AWS's own tools and SDKs."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        }

    def environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The caller's environment with every AWS setting replaced.

        A profile, a token or a service's own endpoint left in it could send a local deploy to a real
        account; so nothing that begins with AWS_ or CDK_ survives.
        """
        environ = os.environ if environ is None else environ
        kept = {
            name: value for name, value in environ.items() if not name.startswith(("AWS_", "CDK_"))
        }
        return {
            **kept,
            **self.variables(),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def acting_as(self, role: str, *, session: str) -> dict[str, str]:
        """Credentials of a role, as variables; they hold for longer than any local cloud stands.

        Args:
            role: its ARN.
            session: who acts as it.
        """
        granted = self.client("sts").assume_role(
            RoleArn=role, RoleSessionName=session, DurationSeconds=_SESSION
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": granted["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": granted["SecretAccessKey"],
            "AWS_SESSION_TOKEN": granted["SessionToken"],
        }

    def client(self, service: str, variables: Mapping[str, str] | None = None) -> Any:
        """A boto3 client that reads no setting of the caller's environment; a process has one of each.

        Args:
            service: boto3's name of it.
            variables: credentials as `acting_as` gives them; the administrator's unless said.
        """
        with _MAKING:
            return _client(self.endpoint, service, tuple(sorted((variables or {}).items())))


#: Clients may be used by several threads, and are made by one at a time.
_MAKING = Lock()


@cache
def _client(endpoint: str, service: str, variables: tuple[tuple[str, str], ...]) -> Any:
    from botocore.config import Config

    credentials = dict(variables)
    return _session().client(
        service,
        endpoint_url=endpoint,
        aws_access_key_id=credentials.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=credentials.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
        config=Config(
            proxies={},
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 5},
            s3={"addressing_style": "path"},
        ),
    )


@cache
def _session() -> Session:
    """The one session: it reads a megabyte of endpoints, a quarter of a second of work."""
    from boto3.session import Session
    from botocore.session import Session as Core

    core = Core()
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    # An instance's None would let AWS_PROFILE through; an override does not.
    core.get_component("config_store").set_config_variable("profile", None)
    return Session(
        aws_access_key_id=CREDENTIAL,
        aws_secret_access_key=CREDENTIAL,
        region_name=REGION,
        botocore_session=core,
    )
