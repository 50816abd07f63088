"""Reads values from the Secrets that the DkronCluster names, in its own namespace, when they are needed.

The operator reads Secrets only here. Values are kept for a moment and never shown.
"""

import base64
import binascii
from collections.abc import Callable

from dkron_crds.receivers import Source
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Unavailable
from dkron_kube.paths import SECRETS
from dkron_operator.delivery.outbox import Unreachable

KEPT = 30.0
"""Seconds that a Secret is cached; short, so that a new password is soon in use."""


class SecretReader:
    """Secrets of one namespace. `clock` is monotonic."""

    def __init__(self, client: KubeClient, *, namespace: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._kept: dict[str, tuple[float, dict[str, str]]] = {}

    async def value(self, source: Source) -> str:
        """The text. Raises `Unreachable` with a sentence that names what is missing: it may exist later."""
        key = source.secret_key_ref
        found = (await self._secret(key.name)).get(key.key)
        if found is None:
            raise Unreachable(f"Secret {self._namespace}/{key.name} has no key {key.key}")
        try:
            return base64.b64decode(found, validate=True).decode().strip()
        except (binascii.Error, UnicodeDecodeError):
            raise Unreachable(f"Secret {self._namespace}/{key.name}, key {key.key}: it is not UTF-8 text") from None

    async def _secret(self, name: str) -> dict[str, str]:
        kept = self._kept.get(name)
        if kept is not None and self._clock() - kept[0] < KEPT:
            return kept[1]
        try:
            body = await self._client.get(SECRETS, self._namespace, name)
        except NotFound:
            raise Unreachable(f"Secret {self._namespace}/{name} does not exist") from None
        except KubeError as exc:
            why = "the API server does not answer" if isinstance(exc, Unavailable) else exc
            raise Unreachable(f"Secret {self._namespace}/{name} cannot be read: {why}") from None
        data: dict[str, str] = body.get("data") or {}
        self._kept[name] = (self._clock(), data)
        return data
