"""The one error of this package: a sentence for the person at the terminal, never a traceback. Pure."""


class DemoError(Exception):
    """Says what is wrong, where, and what can be done about it."""


def last_line(error: Exception) -> str:
    """The last line of what a program has said: kubectl ends with the cause after a page of attempts."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
