"""Begin to trace, where that is wanted and possible. OpenTelemetry is imported here, or never."""

import logging
import os
import socket
from importlib.metadata import version
from typing import TYPE_CHECKING

from dkron_crds.program.logs import carry_trace
from dkron_tracing import pod
from dkron_tracing.wish import read_wish

if TYPE_CHECKING:
    from dkron_tracing.sdk import Tracing

log = logging.getLogger(__name__)


def start(service: str) -> "Tracing | None":
    """Traces of this process, `service` by name, to be closed at its end; None where there are to be none.

    Whatever is wrong is one warning, and the program goes on without.
    """
    wish = read_wish(os.environ)
    if wish is None:
        return None
    if wish.problem:
        log.warning("no traces: %s", wish.problem)
        return None
    try:
        from dkron_tracing.sdk import Tracing  # noqa: PLC0415 - takes a fifth of a second, and most do without
    except ImportError as exc:
        log.warning("no traces: %s is not installed; install dkron-operator[otel]", exc.name)
        return None
    known = pod.attributes(os.environ, service=service, version=version("dkron-operator"), host=socket.gethostname())
    try:
        tracing = Tracing(known, endpoint=wish.endpoint)
    except Exception as exc:  # noqa: BLE001 - whatever the variables say, the program runs
        log.warning("no traces: %s", " ".join(str(exc).split()) or type(exc).__name__)
        return None
    carry_trace(tracing.trace_id)
    log.info("traces go to %s", wish.endpoint)
    return tracing
