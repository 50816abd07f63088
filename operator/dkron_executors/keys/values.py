"""Value types: each parses a string, or says in a sentence what it expects."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})
LONGEST_WAIT = 86_400
"""Seconds: one day."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def quoted(text: str) -> str:
    """Return the text in quotes, shortened if it is long."""
    longest = 60
    return json.dumps(text if len(text) <= longest else text[: longest - 1] + "…", ensure_ascii=False)


def matching(pattern: str, expected: str) -> AfterValidator:
    """Return a check that the whole text matches; its error says that the text is not `expected`."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if whole.fullmatch(text) is None:
            raise ValueError(f"{quoted(text)} is not {expected}")
        return text

    return AfterValidator(check)


def is_url(text: str, *schemes: str) -> bool:
    """Whether the text is a URL of one of these schemes, with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def searcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether an RE2 pattern matches anywhere in a text. RE2 has Go's syntax, and runs in
    time linear in the text. Raises ValueError if the pattern is invalid, or takes too much memory."""
    import re2  # noqa: PLC0415 - rarely needed, and slow to import

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as exc:
        why = exc.args[0] if exc.args else exc
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else why
        raise ValueError(f"{quoted(pattern)} is not a regular expression of RE2: {why}") from None
    return lambda text: compiled.search(text) is not None


def flag(text: str) -> bool:
    """Parse a boolean as Go does."""
    if text not in TRUE | FALSE:
        raise ValueError(f'{quoted(text)} is neither "true" nor "false"')
    return text in TRUE


def exact_flag(text: str) -> bool:
    """Parse a boolean of a kind that Dkron reads as true for one text only. Other texts silently mean false there, so
    they are rejected."""
    if text not in ("true", "false"):
        raise ValueError(f'{quoted(text)} is neither "true" nor "false"')
    return text == "true"


def seconds(text: str) -> int:
    """Parse a whole number of seconds."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_WAIT)) else 0
    if not 1 <= number <= LONGEST_WAIT:
        raise ValueError(f"{quoted(text)} is not a number of seconds from 1 to {LONGEST_WAIT}")
    return number


def json_value(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON of any kind."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"{quoted(text)} is not JSON ({exc})") from None


def headers(text: str) -> tuple[tuple[str, str], ...]:
    """Parse `["Name: value"]`. Only the first colon separates name and value."""
    items = json_value(text)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(f'{quoted(text)} is not a JSON array of strings, such as ["Accept: text/plain"]')
    return tuple(_header(item) for item in items)


def _header(item: str) -> tuple[str, str]:
    name, colon, value = item.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or _TOKEN.fullmatch(name) is None:
        raise ValueError(f'{quoted(item)} is not "Name: value"')
    if _CONTROL.search(value):
        raise ValueError(f'the value of "{name}" has a control character in it')
    return name, value


def base64_bytes(text: str) -> bytes:
    """Decode base64."""
    import base64  # noqa: PLC0415 - rarely needed

    try:
        return base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise ValueError(f"not base64 ({exc})") from None


Flag = Annotated[bool, BeforeValidator(flag)]
ExactFlag = Annotated[bool, BeforeValidator(exact_flag)]
Seconds = Annotated[int, BeforeValidator(seconds)]
Headers = Annotated[tuple[tuple[str, str], ...], BeforeValidator(headers)]
Base64 = Annotated[bytes, BeforeValidator(base64_bytes)]
Debug = Annotated[bool, BeforeValidator(bool)]
"""True for any text except the empty one."""
