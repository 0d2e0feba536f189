"""The time by which a database counts slots and rates of calls, standing still until a test lets it pass."""

from __future__ import annotations

from datetime import timedelta

from tests.support.clerk import query
from tests.support.timepiece import Timepiece

#: Found before PostgreSQL's own function. An hour ahead, so that what is given by it has not ended for
#: statements that look at the machine's clock.
_STOP = """
CREATE SCHEMA stopped;
CREATE TABLE stopped.clock AS SELECT clock_timestamp() + interval '1 hour' AS at;
CREATE FUNCTION stopped.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT at FROM stopped.clock';
GRANT USAGE ON SCHEMA stopped TO PUBLIC;
GRANT SELECT ON stopped.clock TO PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, stopped, pg_catalog', current_database());
END $$;
"""


class StoppedTime:
    """Stops `clock_timestamp()` of a database, for all who connect from now on."""

    def __init__(self, url: str) -> None:
        self._url = url
        query(url, _STOP)

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        query(self._url, "UPDATE stopped.clock SET at = at + %s", timedelta(seconds=seconds))


class SharedTimepiece(Timepiece):
    """A clock whose sleeps pass in a database, too."""

    def __init__(self, time: StoppedTime) -> None:
        super().__init__()
        self._time = time

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._time.skip(seconds)
