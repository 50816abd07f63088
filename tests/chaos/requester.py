"""Carries out what a plan asks for by objects of their own: DkronRuns, DkronPauses and DkronBackfills."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from dkron_crds.base import rfc3339
from tests.chaos.recorder import Recorder
from tests.chaos.request_plan import Kind, Wanted

Moments = tuple[str, str]


class Requester:
    """Asks by a recorder; no other client uses that for pauses."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._paused: list[str] = []
        self._newest = ""
        self._ended = threading.Event()

    def ask(self, wanted: Sequence[Wanted], began: float) -> None:
        """All of it, each at its time after `began`, as `time.monotonic` has it, until it is closed."""
        asking: dict[Kind, Callable[[Wanted], object]] = {
            Kind.RUN: self._run, Kind.PAUSE: self._pause, Kind.RESUME: self._resume, Kind.BACKFILL: self._backfill,
            Kind.SUSPEND: self._suspend, Kind.GO_ON: lambda _: self._recorder.go_on(),
        }  # fmt: skip
        for each in wanted:
            if self._ended.wait(max(0.0, began + each.at - time.monotonic())):
                return
            asking[each.kind](each)

    def close(self) -> None:
        """Ask for nothing more."""
        self._ended.set()

    def _run(self, wanted: Wanted) -> None:
        again = {"scheduledTime": rfc3339(_before(wanted.ago))} if wanted.ago else {}
        self._recorder.ask(wanted.jobs[0], fits=wanted.fits, **wanted.spec, **again)

    def _pause(self, wanted: Wanted) -> None:
        until = {"until": rfc3339(_before(-wanted.lasts))} if wanted.lasts else {}
        self._paused.append(self._recorder.pause(wanted.jobs, wanted.spec | until))

    def _resume(self, _: Wanted) -> None:
        if self._paused:
            self._recorder.resume(self._paused.pop())

    def _backfill(self, wanted: Wanted) -> None:
        begin, end = _before(wanted.ago + wanted.lasts), _before(wanted.ago)
        of = {} if "selector" in wanted.spec else {"job": wanted.jobs[0]}
        self._newest = self._recorder.backfill(**of, **{"from": rfc3339(begin), "to": rfc3339(end), **wanted.spec}).name

    def _suspend(self, _: Wanted) -> None:
        self._recorder.suspend(self._newest)


def _before(seconds: float) -> datetime:
    """A whole second, so long ago."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=round(seconds))
