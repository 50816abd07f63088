"""Starts tracing if it is configured and possible. Only this module imports OpenTelemetry, and only then."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from dkron_runtime.logs import carry_trace
from dkron_runtime.tracing.spans import Tracer
from dkron_runtime.tracing.trace_config import read_wish, resource_attributes

if TYPE_CHECKING:
    from dkron_runtime.tracing.sdk import Tracing

log = logging.getLogger(__name__)


@contextmanager
def tracing(service: str) -> Iterator[Tracer | None]:
    """Yield the tracer of this process, with `service` as its name, while it runs; None if tracing is off.

    Any problem is logged as one warning, and the program continues without traces.
    """
    begun = _begin(service)
    if begun is None:
        yield None
        return
    carry_trace(begun.trace_id)
    try:
        yield begun
    finally:
        begun.close()


def _begin(service: str) -> "Tracing | None":
    wish = read_wish(os.environ)
    if wish is None:
        return None
    if wish.problem:
        log.warning("no traces: %s", wish.problem)
        return None
    try:
        from dkron_runtime.tracing.sdk import Tracing  # noqa: PLC0415 - takes its time, and most do without
    except ImportError as exc:
        log.warning("no traces: %s cannot be imported; install dkron-operator[otel]", exc.name)
        return None
    host = socket.gethostname()
    known = resource_attributes(os.environ, service=service, version=version("dkron-operator"), host=host)
    try:
        begun = Tracing(known, endpoint=wish.endpoint)
    except Exception as exc:  # noqa: BLE001 - the program runs whatever the variables contain
        log.warning("no traces: %s", " ".join(str(exc).split()) or type(exc).__name__)
        return None
    log.info("traces go to %s", wish.endpoint)
    return begun
