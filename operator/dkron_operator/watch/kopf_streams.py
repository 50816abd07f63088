"""kopf's streams, and what happens when they fail. kopf gives up when a watch is refused for long. A refusal may be
over in a minute, and slots continue meanwhile, so the streams start again in the same process."""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any

import kopf

from dkron_kube.access import Access
from dkron_kube.backoff import Backoff
from dkron_kube.errors import KubeError
from dkron_kube.lists import Lists
from dkron_operator.watch.handlers import Handlers, register, settings
from dkron_operator.watch.liveness import WatchLiveness

log = logging.getLogger(__name__)

LAST_STREAMS = 5.0
"""Seconds for the streams to end."""
FIRST_PAUSE, LAST_PAUSE = 1.0, 15.0
"""Seconds until streams start again. kopf has tried for about 18 seconds by then, unless the answer was final."""
STEADY = 120.0
"""Streams that lasted this many seconds start again after the first pause."""
NOT_FOUND = 404
CANCELLATIONS = 5
"""How often stray tasks are cancelled, one second apart."""
TRIED_AGAIN = ("will retry", "escalating", "has failed")
HOME = str(Path(kopf.__file__).parent)


class KopfLogFilter(logging.Filter):
    """kopf logs a request that it is about to repeat as an error, and a failed watch, which starts again, with a
    traceback. This filter makes them warnings, so that they do not alert anyone who is paged for errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.name.startswith("kopf.") and any(words in record.getMessage() for words in TRIED_AGAIN):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


class KopfStreams:
    """Runs kopf, which feeds the handlers. `filled` are the versions of what was read before. `listed` is called when
    kopf has listed what it watches, `gone` when a kind seems to be missing; it raises if it is."""

    def __init__(
        self,
        handlers: Handlers,
        access: Access,
        watch_liveness: WatchLiveness,
        *,
        identity: str,
        namespaces: Sequence[str],
        filled: dict[str, str],
        listed: Callable[[], None],
        gone: Callable[[], Awaitable[None]],
    ) -> None:
        self._handlers = handlers
        self._access = access
        self._watch_liveness = watch_liveness
        # Without an identity kopf looks up the user name, and the user of a container has none.
        self._identity: Any = identity
        self._namespaces = namespaces
        self._listed = listed
        self._lists = Lists(filled, listed=self._answered)
        self._gone = gone

    async def run(self) -> None:
        """Watch until cancelled, or until kopf ends by itself. Raises what `gone` raises."""
        asyncio.get_running_loop().set_exception_handler(_unless_of_kopf)
        failures, backoff = 0, Backoff(FIRST_PAUSE, LAST_PAUSE)
        while True:
            began = time.monotonic()
            failure = await self._watch()
            if failure is None:
                return
            if getattr(failure, "status", 0) == NOT_FOUND:
                # For a missing kind kopf says only "404 page not found".
                with suppress(KubeError):
                    await self._gone()
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            pause = backoff.after(failures)
            log.warning("the watches failed: %s; restarting them in %.0f s", _sentence(failure), pause)
            await asyncio.sleep(pause)

    def _answered(self, path: str) -> None:
        if self._watch_liveness.knows(path):
            self._listed()

    async def _watch(self) -> Exception | None:
        """Run the streams; returns the exception that ended them."""
        registry = kopf.OperatorRegistry()
        register(registry, self._handlers, self._access, self._watch_liveness, lists=self._lists)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=settings(),
            identity=self._identity,
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
        )
        # kopf's own shutdown has no time limit: it waits for the other streams when one has failed, and five seconds
        # for every task that started after it, including ours.
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=LAST_STREAMS)
        failures = [task.exception() for task in done if not task.cancelled()]
        failure = next((each for each in failures if isinstance(each, Exception)), None)
        if failure is not None:
            # Otherwise the remaining streams would go on feeding events.
            await cancel_stray_tasks(lambda: {task for task in asyncio.all_tasks() if _is_of_kopf(task)})
        return failure


async def cancel_stray_tasks(left: "Callable[[], set[asyncio.Task[Any]]]") -> None:
    """Cancel the tasks that `left` returns, until there are none or the attempts are used up. A kopf stream whose
    sibling has failed mistakes the first cancellation for something else, so one is not enough."""
    for _ in range(CANCELLATIONS):
        strays = left()
        if not strays:
            return
        for stray in strays:
            stray.cancel()
        await asyncio.wait(strays, timeout=1)


def _is_of_kopf(task: "asyncio.Task[Any]") -> bool:
    return _is_code_of_kopf(getattr(task.get_coro(), "cr_code", None))


def _is_code_of_kopf(code: CodeType | None) -> bool:
    return code is not None and code.co_filename.startswith(HOME)


def _unless_of_kopf(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """If several streams fail at once, kopf awaits only one of them, and it cannot stop a stream that has had no answer
    yet, because its callback for that fails; nor does a stream always let the loop close it as the program ends. Ignore
    the exceptions of these."""
    task = context.get("future")
    of_task = isinstance(task, asyncio.Task) and _is_of_kopf(task)
    of_stream = _is_code_of_kopf(getattr(context.get("asyncgen"), "ag_code", None))
    exception = context.get("exception")
    frames = traceback.extract_tb(exception.__traceback__) if exception is not None else []
    is_raised_by_kopf = bool(frames) and frames[-1].filename.startswith(HOME)
    if not of_task and not of_stream and not is_raised_by_kopf:
        loop.default_exception_handler(context)


def _sentence(failure: Exception) -> str:
    status = getattr(failure, "status", 0)
    text = str(failure.args[0]) if failure.args and failure.args[0] else type(failure).__name__
    return f"{text} (HTTP {status})" if status else text
