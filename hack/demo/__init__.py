"""`make demo`: a cluster, the operator, the REST API and the examples, and a table of what happens. `make demo-down`
removes it all.

`up` walks through the stages: `target` (the cluster), `install` (definitions, examples), `programs` (what runs
beside it), then `follow` (`expectations` judges, with the table of `dkronctl top`).
"""


class DemoError(Exception):
    """Says in a sentence what is wrong, where, and what can be done about it."""


def last_line(error: Exception) -> str:
    """The last line of what a program has said: kubectl ends with the cause after a page of attempts."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
