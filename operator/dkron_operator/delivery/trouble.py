"""Why a message did not arrive, by what can be done about it."""


class Unreachable(Exception):
    """The receiver may take it later: no answer, too busy, an error of its own."""


class Undeliverable(Exception):
    """It would not be taken the next time either."""
