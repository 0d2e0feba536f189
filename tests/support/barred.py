"""Books that take the lines of a file up to one only: who posts a later one waits, until it may go on."""

from __future__ import annotations

from tests.support.clerk import query

_BAR = """
CREATE TABLE public.bar AS SELECT 0::bigint AS line;
CREATE FUNCTION public.wait_at_bar() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    WHILE NEW.line > (SELECT b.line FROM public.bar b) LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER bar BEFORE INSERT ON agent_ledger_posting.transaction
    FOR EACH ROW EXECUTE FUNCTION public.wait_at_bar();
"""


class Bar:
    """Stands in these books at line 0, so that nothing is posted before it is moved."""

    def __init__(self, url: str) -> None:
        self._url = url
        query(url, _BAR)

    def move(self, line: int) -> None:
        """Let lines up to this one pass."""
        query(self._url, "UPDATE public.bar SET line = %s", line)

    def lift(self) -> None:
        """Let all of them pass."""
        self.move(2**62)
