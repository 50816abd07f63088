"""Builds what a release consists of into a folder: `make release`. Nothing here publishes."""


class ReleaseError(Exception):
    """Says in a sentence what is wrong, where, and what can be done about it."""
