"""Patterns that the API server can check: every schedule and every time zone matches, and common mistakes do not.

The grammar needs a parser, a zone table and the name of the job, which a custom resource definition does not have.
What matches and is no schedule all the same, the operator reports. The syntax is RE2's.
"""

import re
from functools import cache

# The white space of Go, as in grammar.py: ASCII's, the next line, and the separators of Unicode.
_SPACE = r"[\s\v\x{85}\pZ]"
_REST = r"[^\s\v\x{85}\pZ]*"
_NUMBER = rf"[0-9*?+,~]{_REST}"
_NAME = rf"[0-9A-Za-z*?+,~]{_REST}"
_FIELDS = rf"(?:{_NUMBER}{_SPACE}+){{4}}{_NAME}{_SPACE}+{_NAME}"
_DURATION = r"[+-]?(?:0|(?:[0-9]*\.?[0-9]*(?:ns|us|\x{b5}s|\x{3bc}s|ms|s|m|h))+)"
_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_ZONED = rf"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every {_DURATION})"
_UNZONED = rf"@(?:minutely|manually|at {_INSTANT}|after {_SPACE}*{_INSTANT}{_SPACE}+<P{_REST}{_SPACE}*)"
_PREFIX = rf"(?:CRON_)?TZ=[^ ]* {_SPACE}*"

SCHEDULE = rf"^(?:{_SPACE}*{_FIELDS}{_SPACE}*|{_ZONED}|{_UNZONED}|{_PREFIX}(?:{_FIELDS}|{_ZONED}){_SPACE}*)$"
"""Six fields of characters that may stand there, or a descriptor with an argument of the right form."""

# No zone has been added outside of an area for decades; a test compares the list with the tz database.
_WITHOUT_AREA = (
    "CET CST6CDT Cuba EET EST EST5EDT Egypt Eire Factory GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong "
    "Iceland Iran Israel Jamaica Japan Kwajalein Libya Local MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland "
    "Portugal ROC ROK Singapore Turkey UCT UTC Universal W-SU WET Zulu"
)

TIMEZONE = rf"^(?:[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+|{'|'.join(map(re.escape, _WITHOUT_AREA.split()))})$"
"""A name with an area, such as Europe/Madrid, or one of the few without."""


def matches(pattern: str, text: str) -> bool:
    """Whether all of the text matches a pattern of RE2, by Python's own expressions."""
    return _translated(pattern).fullmatch(text) is not None


_SEPARATORS = " \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


@cache
def _translated(pattern: str) -> re.Pattern[str]:
    spelled = re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), pattern)
    return re.compile(spelled.replace(r"\pZ", _SEPARATORS), re.ASCII)
