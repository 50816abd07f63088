"""Regular expressions of users: RE2, which has Go's syntax and runs in time linear in the text."""

from collections.abc import Callable

import re2


class PatternError(ValueError):
    """The text is not a regular expression of RE2, or takes too much memory. `str()` says where it fails."""


def searcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether the pattern matches anywhere in a text. Raises `PatternError`."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as exc:
        why = exc.args[0] if exc.args else exc
        raise PatternError(why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)) from None
    return lambda text: compiled.search(text) is not None
