"""The command `dkron-operator`: settings, logging, and error messages instead of tracebacks."""

import asyncio
import logging
import os
import socket
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.errors import KubeError
from dkron_operator.app import NotInstalled, Operator
from dkron_operator.cluster.rest_token import RestAccount
from dkron_operator.kit import logging_filter
from dkron_operator.kit.rollback import RolledBack
from dkron_operator.leader.lease import Replica
from dkron_operator.monitoring.port import Exposure, PortTaken
from dkron_operator.settings import Settings
from dkron_operator.watch.cancel import cancel_stray_tasks
from dkron_pods.images import Images
from dkron_runtime.command import options
from dkron_runtime.installed import Outdated
from dkron_runtime.loop import run
from dkron_runtime.tracing import start
from dkron_runtime.tracing.spans import Tracer

log = logging.getLogger(__name__)

FAILED = 1


def main() -> None:
    """Run until stopped. Exit code 0 after an orderly stop, 1 if the operator could not go on, 2 for wrong options."""
    settings = options("dkron-operator", Settings)
    logging_filter.configure(settings.log_format, settings.log_level)
    with start.tracing("dkron-operator") as tracer:
        code = run(_run(settings, tracer))
    sys.exit(code)


async def _run(settings: Settings, tracer: Tracer | None) -> int:
    try:
        way = await access.load(settings.kubeconfig, settings.context)
        operator = Operator(
            way,
            namespaces=settings.namespace,
            cluster_namespace=settings.home(way.namespace),
            images=Images(default=settings.default_image, own=settings.executor_image),
            output_dir="" if settings.output_dir is None else str(settings.output_dir),
            output_quota=settings.output_quota,
            inline_calls=settings.inline_calls,
            inline_rules=settings.address_rules(),
            own_tags=settings.own_tags(),
            rules=settings.rules(way.account),
            confine=settings.pod_security == "restricted",
            strict=settings.strict,
            creates=settings.namespace_creates,
            rest=RestAccount(settings.rest_account, settings.rest_token_file) if settings.rest_token_file else None,
            replica=_replica(way.server),
            terms=settings.terms() if settings.lease == "on" else None,
            exposure=Exposure(settings.monitoring_host, settings.monitoring_port, settings.metrics_per_job),
            tracer=tracer,
        )
        await operator.run()
    except (AccessError, NotInstalled, Outdated, PortTaken, RolledBack, KubeError) as exc:
        log.error("%s", exc)  # noqa: TRY400 - the sentence says it all
        return FAILED
    except Exception:
        log.exception("the operator cannot continue")
        return FAILED
    finally:
        # Leftovers of the watches: Python itself would cancel them only once, and wait.
        await cancel_stray_tasks(lambda: asyncio.all_tasks() - {asyncio.current_task()})
    return 0


def _replica(server: str) -> Replica:
    return Replica(
        identity=os.environ.get("POD_NAME") or socket.gethostname(),
        address=os.environ.get("POD_IP") or own_address(server),
        version=version("dkron-operator"),
    )


def own_address(server: str) -> str:
    """The address of this machine on the route to the API server at this URL; empty if there is none."""
    try:
        url = urlsplit(server)
        found = socket.getaddrinfo(url.hostname, url.port or 443, type=socket.SOCK_DGRAM)
        family, kind, _, _, there = found[0]
        with socket.socket(family, kind) as way:
            # Nothing is sent: this only selects the route.
            way.connect(there)
            return str(way.getsockname()[0])
    except (OSError, ValueError):
        return ""
