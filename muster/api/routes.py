"""Every route there is. What is not in here is answered 404, or 405 where another method would do."""

from __future__ import annotations

from muster.api.about import ABOUT
from muster.api.dead_letters.routes import DEAD_LETTERS
from muster.api.executions.routes import EXECUTIONS
from muster.api.forerunners.routes import COORDINATOR, DISTRIBUTOR, HUB
from muster.api.hooks.routes import HOOKS
from muster.api.jobs.routes import JOBS
from muster.api.metrics.routes import METRICS
from muster.api.registry.routes import AGENTS, INSTANCES
from muster.api.tasks.routes import TASKS
from muster.api.tokens.issuing import TOKENS

ROUTES = (
    *JOBS,
    *EXECUTIONS,
    *DEAD_LETTERS,
    *TOKENS,
    *AGENTS,
    *INSTANCES,
    *TASKS,
    *COORDINATOR,
    *DISTRIBUTOR,
    *HUB,
    *HOOKS,
    *METRICS,
    *ABOUT,
)
