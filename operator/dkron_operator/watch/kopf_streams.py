"""Watching: kopf's streams, and what is done when they fail. kopf gives up where a watch is refused for long; what is
refused today may be allowed in a minute, and meanwhile slots go on. So they begin anew, in the same process.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import kopf

from dkron_kube.access import Access
from dkron_kube.errors import KubeError
from dkron_operator.watch import handlers as kopf_source
from dkron_operator.watch.cancel import cancel_stray_tasks
from dkron_operator.watch.handlers import Handlers
from dkron_operator.watch.liveness import WatchLiveness

log = logging.getLogger(__name__)

LAST_STREAMS = 5.0
"""Seconds for the streams to end."""
FIRST_PAUSE, LAST_PAUSE = 1.0, 15.0
"""Seconds until streams begin anew. kopf has tried for about 18 seconds by then, unless the answer was final."""
STEADY = 120.0
"""Streams that have lasted so many seconds begin anew after the first pause."""
NOT_FOUND = 404
HOME = str(Path(kopf.__file__).parent)


class KopfStreams:
    """Has kopf feed the source. `gone` is asked when a kind seems not to be there: it raises if that is so."""

    def __init__(
        self,
        source: Handlers,
        access: Access,
        signs: WatchLiveness,
        *,
        identity: str,
        namespaces: Sequence[str],
        gone: Callable[[], Awaitable[None]],
    ) -> None:
        self.source = source
        self._access = access
        self._signs = signs
        # Without one kopf looks up the name of the user, and in a container the user has none.
        self._identity: Any = identity
        self._namespaces = namespaces
        self._gone = gone

    async def run(self) -> None:
        """Watch until cancelled, or until kopf ends by itself. Raises what `gone` raises."""
        asyncio.get_running_loop().set_exception_handler(_unless_of_kopf)
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            failure = await self._watch()
            if failure is None:
                return
            if getattr(failure, "status", 0) == NOT_FOUND:
                # Of a kind that is gone kopf says no more than "404 page not found".
                with suppress(KubeError):
                    await self._gone()
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY else pause
            log.warning("the watches have failed: %s; they begin anew in %.0f s", _sentence(failure), pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE)

    async def _watch(self) -> Exception | None:
        """What has ended the streams."""
        registry = kopf.OperatorRegistry()
        kopf_source.register(registry, self.source, self._access, self._signs)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=kopf_source.settings(),
            identity=self._identity,
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
        )
        # kopf's own way to its end has no bound: it waits for the other streams when one has failed, and five seconds
        # for every task that began after it, ours as well.
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=LAST_STREAMS)
        failures = [task.exception() for task in done if not task.cancelled()]
        failure = next((each for each in failures if isinstance(each, Exception)), None)
        if failure is not None:
            # Nobody else ends the streams beside it, and they would go on feeding.
            await cancel_stray_tasks(lambda: {task for task in asyncio.all_tasks() if _is_of_kopf(task)})
        return failure


def _is_of_kopf(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and str(code.co_filename).startswith(HOME)


def _unless_of_kopf(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Of streams that have failed side by side kopf looks at one only, and one that has had no answer yet it cannot
    stop: the callback that should do so fails. What becomes of the others is no news."""
    task = context.get("future")
    of_task = isinstance(task, asyncio.Task) and _is_of_kopf(task)
    if not of_task and not _is_raised_by_kopf(context.get("exception")):
        loop.default_exception_handler(context)


def _is_raised_by_kopf(exception: BaseException | None) -> bool:
    frames = traceback.extract_tb(exception.__traceback__) if exception is not None else []
    return bool(frames) and frames[-1].filename.startswith(HOME)


def _sentence(failure: Exception) -> str:
    status = getattr(failure, "status", 0)
    text = str(failure.args[0]) if failure.args and failure.args[0] else type(failure).__name__
    return f"{text} (HTTP {status})" if status else text
