"""The command line of a program: options from a settings model, and readable errors."""

import sys
from importlib.metadata import version
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsError

USAGE = 2
"""Exit code for invalid options."""

S = TypeVar("S", bound=BaseSettings)


def options(program: str, settings: type[S]) -> S:
    """Return the options from the command line. `--version` and invalid options end the process."""
    if "--version" in sys.argv[1:]:
        sys.stdout.write(f"{program} {version('dkron-operator')}\n")
        sys.exit(0)
    try:
        return CliApp.run(settings)
    except (ValidationError, SettingsError) as exc:
        sys.stderr.write(f"{program}: {_sentence(exc)}\n")
        sys.exit(USAGE)


def separated(value: object) -> list[str]:
    """Return the items of an option that may be repeated, or of its variable: each text may hold several, separated by
    commas."""
    texts = value if isinstance(value, list) else [value]
    return [item.strip() for text in texts for item in str(text).split(",") if item.strip()]


def _sentence(exc: ValidationError | SettingsError) -> str:
    if isinstance(exc, SettingsError):
        return str(exc)
    found = []
    for error in exc.errors():
        option = ".".join(str(part).replace("_", "-") for part in error["loc"])
        # Errors about several options together name the options themselves.
        found.append(f"{f'--{option}: ' if option else ''}{error['msg'].removeprefix('Value error, ')}")
    return "; ".join(found)
