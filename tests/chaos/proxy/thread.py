"""The proxy beside a test that does not know asyncio: it runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dkron_kube import access
from tests.chaos.proxy.call import Call
from tests.chaos.proxy.rules import Rule
from tests.chaos.proxy.server import Proxy, Write, any_write

PATIENCE = 10.0
"""Seconds for the thread to do what it is told."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A proxy that runs, the kubeconfig that leads to it, and the loop that it runs in."""

    proxy: Proxy
    kubeconfig: Path
    loop: asyncio.AbstractEventLoop
    ended: asyncio.Event

    def have(self, *rules: Rule) -> None:
        """Have these rules in force from now on, and no others."""

        async def set_rules() -> None:
            self.proxy.rules = rules

        asyncio.run_coroutine_threadsafe(set_rules(), self.loop).result(PATIENCE)

    @property
    def struck(self) -> int:
        """How often the rules in force have struck."""
        return sum(self.proxy.hits)

    @property
    def writes(self) -> list[Write]:
        """The writes that came, in their order."""
        return list(self.proxy.writes)


@contextmanager
def gateway(
    kubeconfig: Path, folder: Path, *, seed: int = 0, counted: Callable[[Call], bool] = any_write
) -> Iterator[Gateway]:
    """A proxy in front of the API server that a kubeconfig leads to. Raises what keeps it from starting."""
    started: Future[Gateway] = Future()

    async def serve() -> None:
        proxy = Proxy(await access.load(kubeconfig), seed=seed, counted=counted)
        async with proxy.serving():
            path = proxy.write_kubeconfig(folder / f"proxy-{proxy.port}.kubeconfig")
            made = Gateway(proxy, path, asyncio.get_running_loop(), asyncio.Event())
            started.set_result(made)
            await made.ended.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="fault proxy", daemon=True)
    thread.start()
    made = started.result(PATIENCE)
    try:
        yield made
    finally:
        made.loop.call_soon_threadsafe(made.ended.set)
        thread.join(PATIENCE)
