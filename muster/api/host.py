"""Composes the API of a Lambda function from its environment."""

from __future__ import annotations

import os
from functools import cache

from muster.api.application import Application
from muster.api.routes import ROUTES
from muster.api.services import Services
from muster.contracts import ApiEnvironment
from muster.dispatcher.lane_choice import LaneChoice
from muster.hooks.shared_secrets import SharedSecrets
from muster.keys.remembered import RememberedKeys
from muster.keys.signing import SigningKeys
from muster.keys.token import Tokens
from muster.store.at_once import AtOnce
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
    from muster.aws.transport import quickest_queues
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
    signing = SigningKeys(secrets=secrets, secret=environment.token_secret, clock=clock)
    services = Services(
        stage=environment.stage,
        database=database,
        keys=RememberedKeys(Keys(database, rate=rate)),
        tokens=Tokens(keys=signing, clock=clock),
        rate=CallRate(database, rate=rate),
        at_once=AtOnce(database, rate=rate),
        queues=quickest_queues(),
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
