"""The one error of this package: a sentence for the person at the terminal, never a traceback."""


class ReleaseError(Exception):
    """Says what is wrong, where, and what can be done about it."""
