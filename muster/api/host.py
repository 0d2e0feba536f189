"""Composes the API of a Lambda function from its environment."""

from __future__ import annotations

import os
from functools import cache

from muster.api.application import Application
from muster.api.routes import ROUTES
from muster.api.services import Services
from muster.contracts import ApiEnvironment
from muster.dispatcher.lane_choice import LaneChoice
from muster.errors import ConfigurationError
from muster.hooks.shared_secrets import SharedSecrets
from muster.keys.signing import SigningKeys
from muster.keys.token import Tokens
from muster.ports import Queues
from muster.store.call_rate import CallRate, Rate
from muster.store.hooks import Hooks
from muster.store.keys import Keys

#: A statement's bounds, in seconds: a caller is told of an absent database while it still listens.
CALL_SECONDS = 5.0
RETRY_SECONDS = 8.0


@cache
def application() -> Application:
    """The API of this process, composed at the first call."""
    from muster.aws.s3 import Objects
    from muster.aws.secrets import Secrets
    from muster.clock import SystemClock
    from muster.log import logger
    from muster.store.connection import Database
    from muster.store.opening import settings_reader

    environment = ApiEnvironment.from_environ(os.environ)
    log, clock, secrets = logger("api"), SystemClock(), Secrets()
    database = Database(
        settings_reader(environment, secrets=secrets),
        call_seconds=CALL_SECONDS,
        retry_seconds=RETRY_SECONDS,
    )
    rate = Rate(per_second=float(environment.key_rate), burst=int(environment.key_burst))
    hook_rate = Rate(per_second=float(environment.hook_rate), burst=int(environment.hook_burst))
    services = Services(
        stage=environment.stage,
        database=database,
        keys=Keys(database, rate=rate),
        tokens=Tokens(
            keys=SigningKeys(secrets=secrets, secret=environment.token_secret, clock=clock),
            clock=clock,
        ),
        rate=CallRate(database, rate=rate),
        queues=_queues(),
        objects=Objects(),
        archive_bucket=environment.results_bucket,
        lanes=LaneChoice(log),
        hooks=Hooks(database),
        hook_rate=CallRate(database, rate=hook_rate),
        hook_secrets=SharedSecrets(secrets, stage=environment.stage, clock=clock),
        clock=clock,
        log=log,
    )
    return Application(routes=ROUTES, services=services)


def _queues() -> Queues:
    """By the fast transport; a proxy is what boto3 alone knows."""
    from muster.aws.transport import Transport, queues_by

    try:
        return queues_by(Transport.FAST)
    except ConfigurationError:
        return queues_by(Transport.BOTO3)
