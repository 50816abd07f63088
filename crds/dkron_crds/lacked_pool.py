"""The message of the condition Ready of a DkronJob that lacks a pool. The operator writes it, and reports show a part
of it with the runs that wait. Pure, and without the models, which take long to load.
"""

_BEGINNING = "this job takes a place in "


def lacks_pool(pool: str) -> str:
    """Return the message. `pool` is the name of the pool, and why it serves no run of the job."""
    return f"{_BEGINNING}{pool}"


def lacked_pool(text: str) -> str:
    """Return the `pool` of the message at the end of a text; empty if the text does not have it."""
    return text.partition(_BEGINNING)[2]
