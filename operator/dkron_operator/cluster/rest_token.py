"""The token of the REST API in the operator's pod. A pod has one account, here the operator's; so the operator requests
a token of the API's account by its name, writes it into a file that both containers mount, and renews it. Each replica
does that for its own pod, whichever leads (docs/adr/0036).
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dkron_kube.backoff import Backoff
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Unavailable
from dkron_operator.kit.clock import EARLIEST, Clock
from dkron_operator.kit.log_once import LogOnce

log = logging.getLogger(__name__)

LIFE = 600
"""The requested life of a token, in seconds, the shortest that the API server issues: for so long it may outlive the
pod. It cannot be bound to it, because the pod has another account."""
LEAST_LEFT = 150.0
"""A token that ends within so many seconds is reported: for half of its life no request for another one worked."""
LOOK = 30.0
"""Seconds between two looks at the clocks: a machine that was suspended wakes up with an old token."""
RETRIES = Backoff(1.0, 60.0, spread=(0.5, 1.0))


@dataclass(frozen=True, slots=True)
class RestAccount:
    """The service account of the REST API, and the file for its token."""

    name: str
    file: Path


class RestToken:
    """Keeps a valid token of the account, which is in `namespace`, in the file."""

    def __init__(self, client: KubeClient, account: RestAccount, *, namespace: str, clock: Clock) -> None:
        self._client = client
        self._account = account
        self._namespace = namespace
        self._clock = clock
        self._failures, self._life = 0, 0.0
        self._ends_at, self._ends_on = float("-inf"), EARLIEST
        self._log_once = LogOnce(log, f"token of the account {namespace}/{account.name}", meanwhile="trying again")

    @property
    def trouble(self) -> str:
        """Why the REST API has no token, or not for long; empty if it has one."""
        if self._left() >= min(LEAST_LEFT, self._life / 4):
            return ""
        why = self._log_once.trouble or "it is being requested"
        return f"the REST API in this pod lacks a token of its account {self._namespace}/{self._account.name}: {why}"

    async def run(self) -> None:
        """Request a token at once, and the next one after half of its life."""
        while True:
            pause = await self._turn()
            await asyncio.sleep(pause)

    async def _turn(self) -> float:
        """Request a token if it is time for one; returns the seconds until the next turn."""
        if self._left() > self._life / 2:
            return LOOK
        try:
            await self._renew()
        except (KubeError, OSError) as exc:
            self._failures += 1
            self._log_once.goes_on(exc)
            least = exc.retry_after if isinstance(exc, Unavailable) else None
            return max(RETRIES.after(self._failures), least or 0.0)
        self._failures = 0
        self._log_once.is_over()
        return LOOK

    async def _renew(self) -> None:
        at, on = self._clock.monotonic(), self._clock.now()
        answer = await self._client.request_token(self._namespace, self._account.name, seconds=LIFE)
        match answer:
            case {"status": {"token": str(token)}, "spec": {"expirationSeconds": int(seconds)}} if token:
                write(self._account.file, token)
            case _:
                raise Unavailable("the API server's answer to a TokenRequest has no token")
        self._life, self._ends_at, self._ends_on = seconds, at + seconds, on + timedelta(seconds=seconds)
        log.debug("wrote a token of the account %s for %d s", self._account.name, seconds)

    def _left(self) -> float:
        """Seconds until the token ends, by the clock that says less: one may have stood still, or been set."""
        on = (self._ends_on - self._clock.now()).total_seconds()
        return min(self._ends_at - self._clock.monotonic(), on)


def write(file: Path, token: str) -> None:
    """Replace the file in one step, so that a reader never sees half a token. The owner and the group may read it: the
    other container may run as another user of the pod's group."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(handle, "w", encoding="ascii") as target:
        target.write(token)
    new.replace(file)
