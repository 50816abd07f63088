"""Checks that the custom resources of the cluster are at least as new as this program, see `dkron_crds.revision`."""

import asyncio
import logging

from dkron_crds.names import GROUP, VERSION
from dkron_crds.revision import advice, older
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Rejected

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for the API server to publish definitions that were just applied."""
PAUSE = 1.0


class Outdated(Exception):
    """The custom resources are older than this program. `str()` says what to apply."""


async def require_current(client: KubeClient) -> None:
    """Return once the custom resources are current, or if that cannot be determined, which is logged.

    Raises `Outdated`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        trouble: KubeError | None = None
        kinds: dict[str, int] = {}
        try:
            kinds = older(await client.openapi(GROUP, VERSION))
        except KubeError as exc:
            trouble = exc
        if trouble is None and not kinds:
            return
        if loop.time() >= deadline or isinstance(trouble, Rejected):
            break
        await asyncio.sleep(PAUSE)
    if kinds:
        raise Outdated(advice(kinds))
    log.warning("cannot check whether the custom resources are new enough for this program: %s", trouble)
