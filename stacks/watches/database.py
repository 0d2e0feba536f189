"""Watches of the database on RDS."""

from __future__ import annotations

from stacks.database_settings import INSTANCE_MEMORY_GIB, InstanceDatabase
from stacks.watch import Series, Urgency, Watch

_GIB = 1024**3

#: Percent of the processors, for a quarter of an hour.
BUSY_PERCENT = 85
#: Percent of the connections that the stage's budget grants.
CONNECTIONS_PERCENT = 80
#: Percent of the instance's memory that is left.
MEMORY_PERCENT = 5
#: Percent of the first storage that is left: below it RDS has not been able to grow it.
STORAGE_PERCENT = 10


def database(settings: InstanceDatabase, *, instance: str) -> tuple[Watch, ...]:
    """Processors, storage, connections and memory."""

    def series(name: str, *, statistic: str = "Average") -> dict[str, Series]:
        dimensions = {"DBInstanceIdentifier": instance}
        watched = Series(
            namespace="AWS/RDS",
            name=name,
            dimensions=dimensions,
            statistic=statistic,
            minutes=5,
        )
        return {"watched": watched}

    return (
        Watch(
            name="database-cpu",
            says="is busy.",
            urgency=Urgency.TICKET,
            series=series("CPUUtilization"),
            at_least=BUSY_PERCENT,
            periods=3,
            runbook="database-load",
        ),
        Watch(
            name="database-memory",
            says="is short of memory.",
            urgency=Urgency.TICKET,
            series=series("FreeableMemory", statistic="Minimum"),
            below=INSTANCE_MEMORY_GIB[settings.instance_class] * _GIB * MEMORY_PERCENT / 100,
            periods=3,
            runbook="database-load",
        ),
        Watch(
            name="database-storage",
            says="is short of storage: when it is full, nothing is recorded any more.",
            urgency=Urgency.PAGE,
            series=series("FreeStorageSpace", statistic="Minimum"),
            below=settings.storage_gib * _GIB * STORAGE_PERCENT / 100,
            periods=3,
        ),
        Watch(
            name="database-connections",
            says="has few connections left.",
            urgency=Urgency.PAGE,
            series=series("DatabaseConnections", statistic="Maximum"),
            at_least=settings.max_connections * CONNECTIONS_PERCENT / 100,
            periods=2,
        ),
    )
