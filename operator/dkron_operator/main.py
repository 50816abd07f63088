"""The command `dkron-operator`: settings, logging, and error messages instead of tracebacks."""

import asyncio
import logging
import os
import socket
import sys
from functools import partial
from importlib.metadata import version
from urllib.parse import urlsplit

from dkron_archive.ports import ArchiveUnavailable
from dkron_kube import access
from dkron_kube.access import Access, AccessError
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_operator.act.inline_calls import Allowance
from dkron_operator.act.ports import Archive, Ports
from dkron_operator.app import Parts
from dkron_operator.cluster.rest_token import RestAccount
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.rollback import RolledBack
from dkron_operator.leader.lease import Replica
from dkron_operator.lifecycle import NotInstalled, Operator, Surroundings, require_installation
from dkron_operator.monitoring.port import Exposure, PortTaken
from dkron_operator.options import Options
from dkron_operator.plan.job.rules import JobSettings
from dkron_operator.settings import Settings
from dkron_operator.telemetry.metrics import Metrics
from dkron_operator.watch.kopf_streams import KopfLogFilter, KopfStreams, cancel_stray_tasks
from dkron_pods.images import Images
from dkron_runtime import logs
from dkron_runtime.command import options
from dkron_runtime.installed import Outdated
from dkron_runtime.loop import filling, run
from dkron_runtime.tracing import start
from dkron_runtime.tracing.kube import KubeSpans
from dkron_runtime.tracing.spans import Tracer

log = logging.getLogger(__name__)

FAILED = 1


def main() -> None:
    """Run until stopped. Exit code 0 after an orderly stop, 1 if the operator could not go on, 2 for wrong options."""
    settings = options("dkron-operator", Settings)
    logs.configure(settings.log_format, settings.log_level, filters=[KopfLogFilter()])
    # kopf logs each event that it passes on; only its problems matter here.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    with start.tracing("dkron-operator") as tracer:
        code = run(_run(settings, tracer))
    sys.exit(code)


async def _run(settings: Settings, tracer: Tracer | None) -> int:
    try:
        way = await access.load(settings.kubeconfig, settings.context)
        options, metrics = _options(settings, way), Metrics()
        observer = None if tracer is None else KubeSpans(tracer, server=way.server)
        client = KubeClient(way, observer=observer, observe=metrics.answered)
        archive = _archive(settings.archive)
        await Operator(
            options,
            Ports(client, Clock(), metrics, tracer, archive=archive),
            Surroundings(
                partial(_streams, way, client),
                exposure=Exposure(settings.monitoring_host, settings.monitoring_port, settings.metrics_per_job),
                rest=RestAccount(settings.rest_account, settings.rest_token_file) if settings.rest_token_file else None,
                filling=filling,
            ),
        ).run()
    except (AccessError, NotInstalled, Outdated, PortTaken, RolledBack, KubeError, ArchiveUnavailable) as exc:
        log.error("%s", exc)  # noqa: TRY400 - the sentence says it all
        return FAILED
    except Exception:
        log.exception("the operator cannot continue")
        return FAILED
    finally:
        # Leftovers of the watches: Python itself would cancel them only once, and wait.
        await cancel_stray_tasks(lambda: asyncio.all_tasks() - {asyncio.current_task()})
    return 0


def _archive(url: str) -> Archive | None:
    """The archive; None without a URL. Nothing is connected yet. Raises `ArchiveUnavailable` for a wrong URL."""
    if not url:
        return None
    # Programs without an archive do not load what it needs.
    from dkron_archive.opening import open_archive  # noqa: PLC0415

    try:
        return open_archive(url)
    except ValueError as exc:
        raise ArchiveUnavailable(f"--archive: {exc}") from None


def _options(settings: Settings, way: Access) -> Options:
    return Options(
        namespaces=tuple(settings.namespace),
        home=settings.home(way.namespace),
        replica=Replica(
            identity=os.environ.get("POD_NAME") or socket.gethostname(),
            address=os.environ.get("POD_IP") or own_address(way.server),
            version=version("dkron-operator"),
        ),
        terms=settings.terms(),
        jobs=JobSettings(
            Images(default=settings.default_image, own=settings.executor_image),
            own_tags=settings.own_tags(),
            rules=settings.rules(way.account),
            confine=settings.pod_security == "restricted",
            strict=settings.strict,
            home=settings.home(way.namespace),
        ),
        calls=Allowance(settings.inline_calls, settings.address_rules()),
        output_dir="" if settings.output_dir is None else str(settings.output_dir),
        output_quota=settings.output_quota,
        retention=settings.retention(),
        creates=settings.namespace_creates,
    )


def _streams(way: Access, client: KubeClient, parts: Parts) -> KopfStreams:
    namespaces = parts.options.namespaces
    return KopfStreams(
        parts.handlers,
        way,
        parts.watch_liveness,
        identity=parts.options.replica.identity,
        namespaces=namespaces,
        filled=parts.resync.filled,
        listed=parts.resync.want,
        gone=partial(require_installation, client, namespaces),
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
