"""When namespaces were created: a namespace that is made again sees nothing of the archive from before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dkron_api.cache.expiring import Kept, Questions
from dkron_archive.ports import ArchiveUnavailable
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Unavailable
from dkron_kube.paths import NAMESPACES

FRESH = 1.0
"""Seconds that an answer is kept: a flood of reads becomes one request a second."""
MOST = 1000
"""Namespaces whose answers are kept."""
SKEW = timedelta(seconds=2)
"""By how much the clocks of API servers differ at most: a job may seem to be older than its namespace."""
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
"""When a namespace was created that does not exist."""


class Namespaces:
    """Asks the API server. While it does not answer, its last answer counts."""

    def __init__(self, kube: KubeClient, clock: Callable[[], float]) -> None:
        self._kube = kube
        self._kept: Kept[str, datetime] = Kept(most=MOST, seconds=lambda _: FRESH, clock=clock)
        self._questions: Questions[str, datetime] = Questions()

    async def created(self, namespace: str) -> datetime:
        """When the jobs of the namespace were created at the earliest. Raises `ArchiveUnavailable`."""
        found = self._kept.get(namespace)
        return found if found is not None else await self._questions.ask(namespace, lambda: self._read(namespace))

    async def _read(self, namespace: str) -> datetime:
        try:
            body = await self._kube.get(NAMESPACES, None, namespace)
            found = datetime.fromisoformat(body["metadata"]["creationTimestamp"]) - SKEW
        except NotFound:
            found = NEVER
        except KubeError as error:
            last = self._kept.last(namespace) if isinstance(error, Unavailable) else None
            if last is not None:
                return last
            text = "The archive cannot be read: the API server does not say when the namespace was created"
            raise ArchiveUnavailable(f"{text}: {error}") from error
        self._kept.put(namespace, found)
        return found
