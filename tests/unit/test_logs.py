"""Log lines for people: one line for each event, whatever its texts are."""

import logging
import sys
from typing import Any

import pytest

from dkron_runtime.logs import TextFormatter

FORMATTER = TextFormatter("%(levelname)s %(message)s")
FORGED = "12:00:00 INFO    all is well"


def line(message: str, *, exc: BaseException | None = None, stack: str | None = None, **extra: object) -> str:
    error = None if exc is None else (type(exc), exc, exc.__traceback__)
    known = {"msg": message, "levelname": "INFO", "exc_info": error, "stack_info": stack}
    return FORMATTER.format(logging.makeLogRecord(known | extra))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"a\n{FORGED}", rf"a\n{FORGED}", id="a line feed"),
        pytest.param("a\r\nb", r"a\r\nb", id="a carriage return"),
        pytest.param("a\tb", r"a\tb", id="a tab"),
        pytest.param("\x1b[2J\x9b1m\x7f\0", r"\x1b[2J\x9b1m\x7f\x00", id="what a terminal obeys"),
        pytest.param("a\x85b\u2028c\u2029d", r"a\x85b\u2028c\u2029d", id="line ends of Unicode"),
        pytest.param("a\u202eb\u2066c", r"a\u202eb\u2066c", id="marks that turn the direction"),
        pytest.param("Größe: 2 µs \\d 日本", "Größe: 2 µs \\d 日本", id="other characters"),
    ],
)
def test_control_characters_are_escaped_in(text: str, shown: str) -> None:
    assert line(text) == f"INFO {shown}"
    assert line("started", job="a", note=text) == f"INFO started  job=a note={shown}"
    key: dict[str, Any] = {text: 1}
    assert line("started", **key) == f"INFO started  {shown}=1"


def fail(message: str) -> None:
    raise ValueError(message)


def raised(message: str) -> BaseException:
    with pytest.raises(ValueError, match="odd") as caught:
        fail(message)
    return caught.value


def test_traceback_lines_are_indented_unlike_events() -> None:
    first, *rest = line("failed", exc=raised(f"odd\x1b\n{FORGED}"), job="a").splitlines()
    assert first == "INFO failed  job=a"
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-2:] == [r"    ValueError: odd\x1b", f"    {FORGED}"]
    assert [each for each in rest if not each.startswith("    ")] == []


def test_a_stack_is_shown_like_a_traceback() -> None:
    assert line("where", stack="Stack:\n  File x") == "INFO where\n    Stack:\n      File x"


def test_an_event_of_the_logging_module_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTER)
    logger = logging.getLogger("tests.one_line")
    logger.addHandler(handler)
    try:
        logger.warning("output of %s", "a\nb", extra={"output": "one\ntwo\n"})
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().err == "WARNING output of a\\nb  output=one\\ntwo\\n\n"
