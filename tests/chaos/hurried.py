"""An operator whose waiting times are shorter than anybody would want them: `python -m tests.chaos.hurried SECONDS …`,
with seconds by name as JSON, `{"dkron_operator.reconcile.gather.RETENTION": 2}`, and then the operator's own options.
"""

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta

TOLD_ARCHIVE = "CHAOS_ARCHIVE_WRITES"
"""The variable with the URL that is told of writes to the archive, if there is one."""
Hurry = Mapping[str, float | Sequence[float]]
"""Seconds by module and name."""


def hurry_up(seconds: Hurry) -> None:
    """Have the program wait so long. Raises AttributeError for a name that it does not have."""
    for name, value in seconds.items():
        module, _, attribute = name.rpartition(".")
        owner = importlib.import_module(module)
        known = getattr(owner, attribute)
        if isinstance(value, Sequence):
            setattr(owner, attribute, tuple(value))
        else:
            setattr(owner, attribute, timedelta(seconds=value) if isinstance(known, timedelta) else value)


def main() -> None:
    """Run the operator in a hurry."""
    seconds, *options = sys.argv[1:]
    hurry_up(json.loads(seconds))
    if told := os.environ.get(TOLD_ARCHIVE):
        importlib.import_module("tests.chaos.archive_writes").tell(told)
    sys.argv = ["dkron-operator", *options]
    importlib.import_module("dkron_operator.main").main()


if __name__ == "__main__":
    main()
