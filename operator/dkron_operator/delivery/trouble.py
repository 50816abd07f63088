"""Why a message did not arrive, by whether a retry can help."""


class Unreachable(Exception):
    """The receiver may accept the message later: it did not answer, was too busy, or had an error of its own."""


class Undeliverable(Exception):
    """The receiver would refuse the message again."""
