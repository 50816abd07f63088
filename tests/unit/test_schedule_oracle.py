"""croniter as an independent witness, where both grammars say the same: UTC, lists, ranges and steps."""

from datetime import UTC, datetime

from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.schedule import parse
from tests.conformance.schedules_brute import BOUNDS

instants = st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> str:
    first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    step = draw(st.integers(1, high - low))
    # A range over the whole field is a star to croniter, not to robfig/cron.
    forms = (
        [f"{first}"] if first == last or (first, last) == (low, high) else [f"{first}-{last}", f"{first}-{last}/{step}"]
    )
    return draw(st.sampled_from(forms))


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    steps = st.integers(2, high - low).map("*/{}".format)
    return st.one_of(
        st.just("*"), steps, items(low, high), st.lists(items(low, high), min_size=2, max_size=2).map(",".join)
    )


def is_whole(field: str, low: int, high: int) -> bool:
    numbers = {n for item in field.split(",") for n in _numbers(item)}
    return numbers == set(range(low, high + 1))


def _numbers(item: str) -> range:
    span, _, step = item.partition("/")
    first, _, last = span.partition("-")
    return range(0) if first == "*" else range(int(first), int(last or first) + 1, int(step or 1))


shared = (
    st.tuples(*(_field(low, high) for low, high in BOUNDS))
    .filter(lambda fields: not any(is_whole(field, *bounds) for field, bounds in zip(fields, BOUNDS, strict=True)))
    .map(" ".join)
)


def seen_by(witness: croniter) -> datetime | None:
    try:
        slot: datetime = witness.get_next(datetime)
    except CroniterBadDateError:
        return None
    return slot


@given(shared, instants)
@settings(max_examples=300, deadline=None)
def test_the_next_slots_are_those_of_croniter(text: str, since: datetime) -> None:
    schedule = parse(text)
    mark: datetime | None = None
    witness = croniter(text, since, second_at_beginning=True, max_years_between_matches=5)
    for _ in range(3):
        mark = schedule.next(since, mark)
        assert mark == seen_by(witness)
        if mark is None:
            return
