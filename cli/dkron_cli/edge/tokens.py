"""The token for a REST API, from an option or a file. Light: completion needs it."""

from pathlib import Path

from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options

LONGEST_TOKEN = 16384
"""Bytes: more than a header may have."""


def token_of(options: Options) -> str:
    """Return the token; empty for none. Raises `CliError`."""
    return _in(Path(options.token_file)) if options.token_file else options.token


def _in(file: Path) -> str:
    """Return the token in a file. No error shows what is in it."""
    try:
        with file.open("rb") as opened:
            token = opened.read(LONGEST_TOKEN + 1).strip().decode("ascii")
    except OSError as error:
        raise CliError(Code.USAGE, f"--token-file: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        token = ""
    if not 0 < len(token) <= LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise CliError(Code.USAGE, f"--token-file: {file} must contain only a token, in one line of ASCII")
    return token
