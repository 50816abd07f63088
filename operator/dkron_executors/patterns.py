"""Regular expressions of users: RE2, whose syntax is Go's, and whose time grows with the text alone."""

from collections.abc import Callable

import re2


class PatternError(ValueError):
    """It is no regular expression of RE2, or one that takes too much memory. `str()` says where it breaks."""


def searcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether the pattern is found in a text. Raises `PatternError`."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as exc:
        why = exc.args[0] if exc.args else exc
        raise PatternError(why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)) from None
    return lambda text: compiled.search(text) is not None
