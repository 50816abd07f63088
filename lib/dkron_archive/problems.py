"""The meaning of a database's errors, in a sentence for users. Pure."""

from sqlalchemy.exc import DataError, IntegrityError

LONGEST = 300
MEANINGS = (
    ("database or disk is full", "its disk is full"),
    ("No space left on device", "its disk is full"),
    ("database is locked", "another process holds its lock"),
    ("interrupted", "it did not answer in time"),
    ("canceling statement due to", "it did not answer in time"),
    ("no such table", "it has no tables yet: the operator makes them when it starts"),
    ("UndefinedTable", "it has no tables yet: the operator makes them when it starts"),
    ("unable to open database file", "its file cannot be opened, or there is no file yet"),
    ("No such file or directory", "its file cannot be opened, or there is no file yet"),
    ("Connect call failed", "its server refuses connections"),
    ("Name or service not known", "its server has an unknown name"),
    ("readonly database", "its file may only be read"),
    ("file is not a database", "its file is no SQLite database"),
    ("malformed", "its file is damaged"),
)
"""Parts of messages, and what they mean."""
VALUES = ("22", "23", "54")
"""Classes of PostgreSQL's error codes that are about values: bad data, violated constraints, and exceeded limits."""


def is_of_values(exc: BaseException) -> bool:
    """Whether the database refuses the values, which it may quote, and takes others."""
    return isinstance(exc, (DataError, IntegrityError)) or getattr(_cause(exc), "sqlstate", "")[:2] in VALUES


def sentence(exc: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Say in one sentence what is wrong with the archive."""
    cause = _cause(exc)
    said = f"{type(cause).__name__}: {cause}"
    for part, meaning in MEANINGS:
        if part in said:
            return f"The archive cannot be used: {meaning}."
    if isinstance(cause, TimeoutError) or "QueuePool limit" in said:
        return "The archive cannot be used: it did not answer in time."
    text = " ".join(str(cause).split()).split(" [SQL:")[0] or type(cause).__name__
    for secret in secrets:
        text = text.replace(secret, "***")
    return f"The archive cannot be used: {text[:LONGEST].rstrip('.')}."


def _cause(exc: BaseException) -> BaseException:
    cause = getattr(exc, "orig", None) or exc
    # The cause of a timeout is the cancellation that it made.
    return cause if isinstance(cause, TimeoutError) else cause.__cause__ or cause
