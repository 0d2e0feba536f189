"""Every route there is. What is not in here is answered 404, or 405 where another method would do."""

from __future__ import annotations

from muster.api.about import ABOUT
from muster.api.executions.routes import EXECUTIONS
from muster.api.forerunners.routes import COORDINATOR, HUB
from muster.api.jobs.routes import JOBS
from muster.api.registry.routes import AGENTS, INSTANCES
from muster.api.tokens.issuing import TOKENS

ROUTES = (*JOBS, *EXECUTIONS, *TOKENS, *AGENTS, *INSTANCES, *COORDINATOR, *HUB, *ABOUT)
