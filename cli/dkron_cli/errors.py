"""The exit codes, which scripts may rely on, and the one exception that ends a command."""

from enum import IntEnum


class Code(IntEnum):
    """Exit codes. They are documented in docs/cli.md and do not change."""

    OK = 0
    FAILED = 1
    """The run failed, or a check found something."""
    USAGE = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    UNREACHABLE = 5
    CONFLICT = 6
    """Another writer was first, something exists already, or the time of --timeout has passed."""
    INTERRUPTED = 130


MEANINGS = {
    Code.OK: "it worked, the run succeeded, nothing was found, or the reader of a pipe has gone, as `head` does",
    Code.FAILED: "the run failed or was skipped, a check found something, the server refused a value, or the output "
    "cannot be written",
    Code.USAGE: "the command line is wrong",
    Code.NOT_FOUND: "the job or the execution does not exist, or the cluster does not have the custom resources",
    Code.FORBIDDEN: "the credentials are missing or expired, or lack the permission",
    Code.UNREACHABLE: "the API server or the REST API did not answer",
    Code.CONFLICT: "another writer was first, the object already exists, or --timeout has passed",
    Code.INTERRUPTED: "Ctrl-C; a run that was started goes on",
}


class Interrupted(Exception):
    """Ctrl-C ended the command."""


class CliError(Exception):
    """Ends the command with `code`. `str()` is one sentence for the user, with what to do about it."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
