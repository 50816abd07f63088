"""Sends a `Line` to the operator's own log, whatever log level is set."""

import logging

from dkron_processors.message import Line

log = logging.getLogger("dkron.output")
log.setLevel(logging.INFO)


async def write_line(line: Line) -> None:
    """Write one line; a failed execution is a warning."""
    fields = dict(line.fields)
    # A field named message would clash with the line's own.
    fields["output"] = fields.pop("message", "")
    log.log(logging.INFO if line.success else logging.WARNING, "output of an execution", extra=fields)
