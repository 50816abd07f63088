"""Which texts are schedules, what they mean, and what people are told about the ones that are not."""

from datetime import UTC, datetime, timedelta

import pytest

from dkron_crds.schedule import ScheduleError, TimezoneError, parse

SINCE = datetime(2026, 3, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "0 0 24 * * *",
            'hour: "24" is not allowed; use 0-23, *, ?, lists (1,2), ranges (1-5) or steps (*/2)',
            id="a number out of range names field, item and range",
        ),
        pytest.param("* 1,x * * * *", 'minute: "x" is not allowed; use 0-59, *,', id="the item of a list"),
        pytest.param("* * * 0 * *", 'day of month: "0" is not allowed; use 1-31, *,', id="day of month"),
        pytest.param("* * * * 13 *", 'month: "13" is not allowed; use 1-12 or jan-dec, *,', id="month"),
        pytest.param(
            "* * * * * 7", 'day of week: "7" is not allowed; use 0-6 (0 is Sunday) or sun-sat, *,', id="Sunday as 7"
        ),
        pytest.param("* * 5-1 * * *", 'hour: "5-1" runs backwards; use 0-23', id="backward range"),
        pytest.param("* * */0 * * *", 'hour: "*/0" has a step of 0; use 0-23', id="step 0"),
        pytest.param("* * 1-2-3 * * *", 'hour: "1-2-3" has more than one hyphen; use 0-23', id="two hyphens"),
        pytest.param("* * 1/2/3 * * *", 'hour: "1/2/3" has more than one step; use 0-23', id="two steps"),
        pytest.param(
            "*/5 * * * *",
            'schedule: "*/5 * * * *" has five fields, but six are needed, seconds first; use "0 */5 * * * *"',
            id="five fields are shown with the seconds in front",
        ),
        pytest.param("TZ=Asia/Tokyo 0 9 * * *", '; use "TZ=Asia/Tokyo 0 0 9 * * *"', id="five fields and a zone"),
        pytest.param("0 0 0 * * * *", "has 7 fields; use six (second minute hour", id="seven fields"),
        pytest.param("", 'schedule: "" has 0 fields; use six', id="nothing"),
        pytest.param("@reboot", 'schedule: "@reboot" is not known; use @yearly, ', id="unknown descriptor"),
        pytest.param(" @daily", 'schedule: " @daily" has 1 fields', id="space before a descriptor"),
        pytest.param("@every", 'schedule: "@every" is not known', id="missing duration"),
        pytest.param("@every  5s", '@every: " 5s" is not a duration; use', id="doubled space after @every"),
        pytest.param("@every 1d", '@every: "1d" is not a duration; use numbers with units h, m, s', id="days"),
        pytest.param("@every 2562048h", "up to 292 years", id="longer than Go can count"),
        pytest.param("@at 2026-01-01T00:00:00", "is not an instant; use RFC 3339 with a zone", id="@at without a zone"),
        pytest.param("@at 0000-01-01T00:00:00Z", "is not an instant", id="the year 0, which Go has"),
        pytest.param("@after 2026-01-01T00:00:00Z PT2H", '@after: "', id="@after without <"),
        pytest.param("@after 2026-01-01 <PT2H", '@after: "2026-01-01" is not an instant', id="@after, date only"),
        pytest.param("@after 2026-01-01T00:00:00Z", "is not complete; use an instant and a grace", id="no grace"),
        pytest.param("@after 2026-01-01T00:00:00Z <PT2H x", "is not complete", id="a word too many"),
        pytest.param("@after 2026-01-01T00:00:00Z <P2H", '@after: "P2H" is not a grace time; use', id="P2H"),
        pytest.param("@after 2026-01-01T00:00:00Z <PT0S", "above zero", id="grace of zero"),
        pytest.param("@after 2026-01-01T00:00:00Z <P300Y", "up to 292 years", id="grace beyond Go"),
        pytest.param("TZ=UTC", 'schedule: "TZ=UTC" is only a zone; use it before six fields', id="only a zone"),
        pytest.param("TZ=UTC @minutely", 'schedule: "TZ=UTC" is not allowed here; use "@minutely"', id="@minutely"),
        pytest.param("~ 0 0 0 0 0 0", "has 7 fields", id="the tilde does not hide a wrong count"),
        pytest.param("0 0 İ * * *", 'hour: "İ" is not allowed', id="a letter that Go folds to ASCII"),
        pytest.param("0 0 ٣ * * *", 'hour: "٣" is not allowed', id="digits of another script"),
        pytest.param("0 0 \x00 * * *", r'hour: "\x00" is not allowed', id="unprintable characters are escaped"),
        pytest.param("*" * 1025, "is too long; use at most 1024 characters", id="more than 1024 characters"),
    ],
)
def test_refusal_is_one_sentence_with_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse(text, name="test_job")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("@minutely", "0 * * * * *", id="Dkron's own minutely"),
        pytest.param("0 0 0 * * *,1", "0 0 0 * * *", id="a star anywhere in a list"),
        pytest.param("0 0 0 31 2 *", "@manually", id="a date that does not exist is never due"),
        pytest.param("0 0 0 30 2 ?", "0 0 , * * *", id="a field that matches nothing is never due"),
        pytest.param("@every 0s", "@every 1s", id="an interval is a second at least"),
        pytest.param("@every -5m", "@every 1s", id="a negative interval"),
        pytest.param("@every 1m0.999s", "@every 60s", id="an interval is cut to whole seconds"),
        pytest.param("@after 2026-01-01T00:00:00Z <P1D", "@after 2026-01-01T01:00:00+01:00 <PT24H", id="P1D"),
        pytest.param("@after 2026-01-01T00:00:00Z <P1Y2M3DT4H5M6S",
                     "@after 2026-01-01T00:00:00Z <P428DT14706S", id="a year is 365 days, a month 30"),
        pytest.param("@after 2026-01-01T00:00:00Z <PT0.25S", "@after 2026-01-01T00:00:00Z <PT0.250000S", id="decimals"),
        pytest.param("@at 2026-01-01T00:00:00.1234569Z", "@at 2026-01-01T00:00:00.123456Z", id="microseconds"),
    ],
)  # fmt: skip
def test_texts_with_the_same_meaning_are_equal_schedules(text: str, fields: str) -> None:
    assert parse(text) == parse(fields)
    assert hash(parse(text)) == hash(parse(fields))


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        pytest.param("0 0 ~ * * *", "0 0 18 * * *", id="hour"),
        pytest.param("0 0 0 1 ~ *", "0 0 0 1 7 *", id="month"),
        pytest.param("~ ~ 0 * * *", "18 18 0 * * *", id="second and minute"),
        pytest.param("0 0 0 ~ * ~", "0 0 0 19 * 4", id="day of month and of week"),
        pytest.param("~/15 0 0 * * *", "18/15 0 0 * * *", id="a step starts at the number and goes up only"),
        pytest.param("0 0 ~-20,~ * * *", "0 0 18-20,18 * * *", id="every tilde of a field"),
        pytest.param("TZ=Asia/Tokyo 0 0 ~ * * *", "TZ=Asia/Tokyo 0 0 18 * * *", id="the prefix is no field"),
        pytest.param("0 0  ~ * * *", "0 0 19 * * *", id="a doubled space moves the field by one"),
    ],
)
def test_a_tilde_is_a_number_drawn_from_the_name(text: str, replaced: str) -> None:
    assert parse(text, name="test_job") == parse(replaced)


@pytest.mark.parametrize(
    ("text", "timezone", "due"),
    [
        pytest.param("0 0 9 * * *", "", "2026-03-08T09:00", id="no timezone is UTC"),
        pytest.param("0 0 9 * * *", "Local", "2026-03-08T09:00", id="Local is UTC"),
        pytest.param("0 0 9 * * *", "Asia/Tokyo", "2026-03-08T00:00", id="the timezone applies to fields"),
        pytest.param("@daily", "Asia/Tokyo", "2026-03-07T15:00", id="the timezone applies to descriptors"),
        pytest.param("TZ=America/New_York 0 0 9 * * *", "Asia/Tokyo", "2026-03-07T14:00", id="a prefix wins"),
        pytest.param("CRON_TZ= 0 0 9 * * *", "Asia/Tokyo", "2026-03-08T09:00", id="an empty prefix is UTC"),
        pytest.param("TZ=Asia/Tokyo @every 90m", "", "2026-03-07T13:30", id="an interval has no zone"),
    ],
)
def test_the_zone_of_a_schedule(text: str, timezone: str, due: str) -> None:
    assert parse(text, timezone=timezone).next(SINCE) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Base", "europe/berlin", "utc", "../UTC", "Europe", "/etc/localtime", "UTC\x00"])
@pytest.mark.parametrize("text", ["0 0 0 * * *", "@every 5s", "TZ=UTC 0 0 0 * * *"])
def test_unknown_timezone_is_refused_even_if_unused(zone: str, text: str) -> None:
    with pytest.raises(TimezoneError, match=r"^timezone: .* is not a time zone; use UTC or a name of the IANA"):
        parse(text, timezone=zone)
    with pytest.raises(TimezoneError, match='"Mars"'):
        parse("TZ=Mars 0 0 0 * * *")


def test_equal_texts_share_a_schedule_unless_a_tilde_is_used() -> None:
    assert parse("0 0 9 * * *", name="a") is parse("0 0 9 * * *", name="b")
    assert parse("0 0 ~ * * *", name="a") != parse("0 0 ~ * * *", name="b")


def test_only_after_has_a_grace() -> None:
    texts = ("0 0 9 * * *", "@daily", "@every 5s", "@at 2026-01-01T00:00:00Z", "@manually")
    assert {parse(text).grace for text in texts} == {None}
    assert parse("@after 2026-01-01T00:00:00Z <P1DT2H30M").grace == timedelta(days=1, hours=2, minutes=30)
