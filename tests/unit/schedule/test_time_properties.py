"""Next times against a slow reading of the same rules: every minute looked at, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from muster.manifest.cron import check_cron
from muster.schedule.rule import Rule

MINUTE = timedelta(minutes=1)
#: Moments around which clocks change in one of ZONES, and one around which none does.
CHANGES = [
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 23, 22, tzinfo=UTC),
    datetime(2026, 10, 29, 21, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 6, 30, 23, tzinfo=UTC),
]
ZONES = ["UTC", "America/New_York", "Europe/Riga", "Africa/Cairo", "Australia/Lord_Howe"]

minutes = st.sampled_from(["*", "0", "30", "*/15", "5,59", "10-20", "7/20"])
hours = st.sampled_from(["*", "0", "1", "2", "3", "23", "*/6", "0-3", "22,23"])
expressions = st.builds(
    "{} {} * * {}".format, minutes, hours, st.sampled_from(["*", "FRI,SUN", "1-5"])
)
moments = st.builds(
    lambda change, minutes: change + minutes * MINUTE,
    st.sampled_from(CHANGES),
    st.integers(-240, 240),
)


def _matches(rule: Rule, moment: datetime) -> bool:
    """Whether the rule fires at this minute, by the definition of cron and of the clocks' rule."""
    local = moment.astimezone(ZoneInfo(rule.timezone))
    if local.fold:
        return False  # its first coming was before
    minute, hour, _, _, weekday = rule.expression.split()
    days = {"*": range(7), "FRI,SUN": (5, 0), "1-5": range(1, 6)}[weekday]
    return (
        local.minute in _values(minute, 60)
        and local.hour in _values(hour, 24)
        and local.isoweekday() % 7 in days
    )


def _values(field: str, end: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        spread, _, step = part.partition("/")
        first, _, last = ("0-" + str(end - 1) if spread == "*" else spread).partition("-")
        stop = int(last) + 1 if last else end if step else int(first) + 1
        found |= set(range(int(first), stop, int(step or 1)))
    return found


@given(expression=expressions, zone=st.sampled_from(ZONES), after=moments)
@settings(max_examples=60, deadline=None)
def test_no_time_is_left_out_and_none_is_added(expression: str, zone: str, after: datetime):
    assert check_cron(expression) is None
    rule = Rule(kind="cron", expression=expression, timezone=zone)
    until = after + 36 * 60 * MINUTE

    found, moment = [], after
    while (moment := rule.next(after=moment)) is not None and moment <= until:
        found.append(moment)

    slowly = [after + n * MINUTE for n in range(1, 36 * 60 + 1)]
    assert found == [moment for moment in slowly if _matches(rule, moment)]


@given(
    expression=expressions,
    zone=st.sampled_from(ZONES),
    after=moments,
    later=st.timedeltas(timedelta(0), timedelta(days=40)),
)
@settings(max_examples=60, deadline=None)
def test_the_last_time_is_the_one_before_the_next(
    expression: str, zone: str, after: datetime, later: timedelta
):
    rule = Rule(kind="cron", expression=expression, timezone=zone)
    first = rule.next(after=after)
    assert first is not None
    now = first + later

    last = rule.last(first=first, now=now)

    assert first <= last <= now
    following = rule.next(after=last)
    assert following is not None
    assert following > now


@given(
    seconds=st.integers(10, 10**7),
    start=st.none() | moments,
    after=st.integers(1, 4 * 10**9).map(lambda n: datetime.fromtimestamp(n, UTC)),
    later=st.timedeltas(timedelta(0), timedelta(days=4000)),
)
def test_rates_keep_their_distance(
    seconds: int, start: datetime | None, after: datetime, later: timedelta
):
    rule = Rule(kind="every", expression=f"{seconds}s", start=start)

    first = rule.next(after=after)

    assert first is not None
    assert first > after
    assert start is None or first >= start
    assert rule.next(after=first) == first + timedelta(seconds=seconds)
    last = rule.last(first=first, now=first + later)
    assert last <= first + later < last + timedelta(seconds=seconds)
