"""The meaning of a schedule in words."""

import pytest

from dkron_crds.schedule import parse
from dkron_reports.schedule_words import in_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("0 30 2 * * *", "at 02:30 every day, Europe/Madrid", id="once a day"),
        pytest.param("TZ=Asia/Tokyo @daily", "at 00:00 every day, Asia/Tokyo", id="a zone of its own"),
        pytest.param("15 0 8,20 * * sat,sun", "at 08:00:15 and 20:00:15 on Saturday and Sunday, Europe/Madrid",
                     id="some"),
        pytest.param("0 */5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59 on Monday to Friday, Europe/Madrid",
                     id="office hours"),
        pytest.param("*/5 * * * * *", "every 5 seconds", id="seconds, in any zone"),
        pytest.param("10 * * * * *", "at second 10 of every minute", id="once a minute"),
        pytest.param("0 * * * * *", "every minute", id="each minute"),
        pytest.param("0 30 * * * *", "at minute 30 of every hour", id="once an hour"),
        pytest.param("40 3-59/15 * * * *", "every 15 minutes from :03:40", id="a part of an hour, not from its start"),
        pytest.param("0 7/20 6-9 * * *", "every 20 minutes from :07 from 06:00 to 09:59, Europe/Madrid", id="in hours"),
        pytest.param("30 */5 * * * *", "every 5 minutes from :00:30", id="not at the start of a minute"),
        pytest.param("@hourly", "every hour", id="each hour"),
        pytest.param("0 0 */2 * * *", "every 2 hours from 00:00, Europe/Madrid", id="each second hour"),
        pytest.param("0 0 1,3,5,7,9 * * *", "at 01:00, 03:00, 05:00, 07:00 and 09:00 every day, Europe/Madrid",
                     id="hours that are not spread over the day"),
        pytest.param("0 0 0 1,15 * mon", "at 00:00 on days 1 and 15 of the month and on Monday, Europe/Madrid",
                     id="either kind of day is enough"),
        pytest.param("0 0 0 1-31 * mon", "at 00:00 every day, Europe/Madrid", id="one kind of day is any day"),
        pytest.param("0 0 0 , * mon", "at 00:00 on Monday, Europe/Madrid", id="one kind of day is none"),
        pytest.param("0 0 0 1 6-8 *", "at 00:00 on day 1 of the month in June to August, Europe/Madrid", id="months"),
        pytest.param("0 ~ ~ * * *", "at 06:30 every day, Europe/Madrid", id="what the name draws"),
        pytest.param("@every 26h30m", "every 1d2h30m, counted from when the schedule was set", id="every"),
        pytest.param("@at 2026-03-01T09:30:00Z", "once, at 2026-03-01T09:30:00Z", id="once"),
        pytest.param("@after 2026-03-01T09:30:00Z <PT2H",
                     "once, at 2026-03-01T09:30:00Z, or up to 2h later if the job is created by then", id="with grace"),
        pytest.param("@manually", "only on request", id="on request"),
        pytest.param("0 0 0 31 2 *", "never: no date matches", id="no date"),
    ],
)  # fmt: skip
def test_a_schedule_in_words(text: str, words: str) -> None:
    assert in_words(parse(text, timezone="Europe/Madrid", name="backup")) == words
