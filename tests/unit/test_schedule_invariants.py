"""What holds for every schedule, whatever the text, the zone and the instant."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dkron_crds.schedule import Schedule, ScheduleError, TimezoneError, parse
from tests.conformance.schedules_brute import brute_force
from tests.conformance.schedules_texts import ZONES, crons, shaped
from tests.support.examples import examples

instants = st.datetimes(datetime(1972, 6, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(ZONES)
SECOND = timedelta(seconds=1)

# Moments shortly before a clock did something odd: Lord Howe, Troll, São Paulo, Apia, Kwajalein, Pyongyang.
ODD = [
    datetime(2024, 4, 6, 14, tzinfo=UTC),
    datetime(2024, 3, 31, 0, tzinfo=UTC),
    datetime(2018, 11, 4, 2, tzinfo=UTC),
    datetime(2011, 12, 30, 9, tzinfo=UTC),
    datetime(1993, 8, 21, 11, tzinfo=UTC),
    datetime(2015, 8, 14, 14, tzinfo=UTC),
]
moments = st.one_of(instants, st.sampled_from(ODD))
windows = st.timedeltas(timedelta(0), timedelta(days=4))


def stepped(schedule: Schedule, since: datetime, mark: datetime | None, until: datetime) -> list[datetime]:
    slots: list[datetime] = []
    while (mark := schedule.next(since, mark)) is not None and mark <= until:
        slots.append(mark)
        assert len(slots) <= 500_000, "the window holds too many slots to step through"
    return slots


@given(crons, zones, moments)
@settings(max_examples=examples(200), deadline=None)
@example("0 0 0 30 * *", "Pacific/Apia", ODD[3])
@example("*/20 44 0 7 1 *", "Africa/Monrovia", datetime(1972, 1, 6, 12, tzinfo=UTC))
def test_no_slot_is_skipped(text: str, zone: str, since: datetime) -> None:
    schedule = parse(text, timezone=zone)
    expected = brute_force(text, zone, since, limit=3)
    mark: datetime | None = None
    slots: list[datetime] = []
    while len(slots) < 3 and (mark := schedule.next(since, mark)) is not None:
        slots.append(mark)
    assert slots == expected
    assert {slot.tzinfo for slot in slots} <= {UTC}


@given(crons, zones, moments, windows, st.one_of(st.none(), windows))
@settings(max_examples=examples(200), deadline=None)
def test_count_and_latest_agree_with_stepping(  # noqa: PLR0917
    text: str, zone: str, since: datetime, window: timedelta, marked: timedelta | None
) -> None:
    schedule = parse(text, timezone=zone)
    mark, until = None if marked is None else since + marked, since + window
    coarse = parse("0" + text[text.index(" ") :], timezone=zone)
    assume(coarse.count(since, mark, until) < 300)
    slots = stepped(schedule, since, mark, until)
    assert schedule.count(since, mark, until) == len(slots)
    assert schedule.latest(since, mark, until) == (slots[-1] if slots else None)


@given(crons, zones, moments, st.timedeltas(timedelta(0), timedelta(days=3000)))
@settings(deadline=None)
def test_counts_add_up_and_agree_with_latest_and_next(text: str, zone: str, since: datetime, window: timedelta) -> None:
    schedule = parse(text, timezone=zone)
    until = since + window
    middle = since + window / 3
    assert schedule.count(since, None, until) == schedule.count(since, None, middle) + schedule.count(
        since, middle, until
    )
    latest = schedule.latest(since, None, until)
    assert (latest is None) == (schedule.count(since, None, until) == 0)
    if latest is not None:
        assert since < latest <= until
        assert schedule.next(since, latest - SECOND) == latest
        assert schedule.count(since, latest, until) == 0


@given(
    st.integers(1, 10**7),
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
)
@settings(deadline=None)
def test_every_stays_on_its_grid_whatever_the_mark(
    interval: int, since: datetime, marked: timedelta, window: timedelta
) -> None:
    schedule, mark, until = parse(f"@every {interval}s"), since + marked, since + window
    slot = schedule.next(since, mark)
    assert slot is not None
    assert (slot - since.replace(microsecond=0)) % timedelta(seconds=interval) == timedelta(0)
    assert max(since, mark) < slot <= max(since, mark) + timedelta(seconds=interval)
    assume(abs(window.total_seconds()) / interval < 1000)
    slots = stepped(schedule, since, mark, until)
    assert schedule.count(since, mark, until) == len(slots)
    assert schedule.latest(since, mark, until) == (slots[-1] if slots else None)


@given(
    st.timedeltas(timedelta(days=-9), timedelta(days=9)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=9)),
    st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=5),
)
@settings(deadline=None)
def test_after_fires_at_most_once_whatever_happens(made: timedelta, grace: timedelta, looks: list[timedelta]) -> None:
    slot = datetime(2026, 6, 1, tzinfo=UTC)
    schedule = parse(f"@after {slot:%Y-%m-%dT%H:%M:%SZ} <PT{int(grace.total_seconds())}S")
    since, mark, fired = slot + made, None, []
    for now in sorted(since + look for look in looks):
        due = schedule.next(since, mark)
        assert schedule.count(since, mark, now) == int(due is not None and due <= now)
        assert schedule.latest(since, mark, now) == (due if due is not None and due <= now else None)
        if due is not None and due <= now:
            fired.append(due)
            mark = due
    in_time = since - slot <= timedelta(seconds=int(grace.total_seconds()))
    assert fired == ([slot] if in_time and looks and since + max(looks) >= slot else [])


EDGES = st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)]
)


@given(st.one_of(st.text(max_size=60), shaped), st.one_of(st.text(max_size=20), zones), st.text(), EDGES)
@settings(max_examples=examples(400), deadline=None)
@example("TZ=", "", "", ODD[0])
@example("* " * 5000, "", "", ODD[0])
@example("1," * 500 + "1 * * * * *", "", "", ODD[0])
@example("@every " + "1s" * 500, "", "", ODD[0])
@example("@every 1." + "9" * 1000 + "s", "", "", ODD[0])
@example("@after 2026-01-01T00:00:00Z <P" + "9" * 900 + "Y", "", "", ODD[0])
@example("0 0 0 * * *", "../../etc/passwd", "", ODD[0])
@example("0 0 0 * * *", "Europe/Berlin\x00", "", ODD[0])
@example("~ ~ ~ ~ ~ ~", "Asia/Tokyo", "\ud800", ODD[0])
def test_a_text_is_a_schedule_or_a_sentence(text: str, zone: str, name: str, since: datetime) -> None:
    try:
        schedule = parse(text, timezone=zone, name=name)
    except (ScheduleError, TimezoneError) as error:
        sentence = str(error)
        assert "; use " in sentence
        assert ": " in sentence
        assert sentence.isprintable()
        return
    assert hash(schedule) == hash(parse(text, timezone=zone, name=name))
    for mark in (None, since):
        slot = schedule.next(since, mark)
        assert slot is None or slot.utcoffset() == timedelta(0)
        schedule.latest(since, mark, datetime(2026, 3, 2, tzinfo=UTC))
    assert schedule.count(since, None, since) == 0 or schedule.grace is not None
