"""Reads the jobs once a second, and says in one sentence why that is over when it is."""

import json
import subprocess
import time

from demo.errors import DemoError, last_line
from demo.target import REQUEST_TIMEOUT, Target
from dkron_crds.job import DkronJob
from localcluster.errors import ClusterError

PATIENCE_SECONDS = 15


class Watch:
    """The jobs of the demo's namespace. A moment without an answer is bridged with what was seen last."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._seen: list[DkronJob] = []
        self._answered = time.monotonic()

    def read(self) -> list[DkronJob]:
        """The jobs as they are now. Raises `DemoError` when a program or the cluster has died."""
        try:
            self._seen = parse(self._target.kubectl("get", "dkronjobs", "--output=json", REQUEST_TIMEOUT))
            self._answered = time.monotonic()
        except (ClusterError, subprocess.TimeoutExpired) as error:
            self._give_up_if_dead(error)
        self._target.programs.check()
        return self._seen

    def _give_up_if_dead(self, error: Exception) -> None:
        if fallen := self._target.fallen():
            verb = "has" if len(fallen) == 1 else "have"
            raise DemoError(
                f"{' and '.join(fallen)} of cluster {self._target.name} {verb} died; "
                f"`hack/cluster logs --name {self._target.name}` shows why, and `make demo` starts it anew"
            ) from None
        if time.monotonic() - self._answered > PATIENCE_SECONDS:
            raise DemoError(f"the cluster has not answered for {PATIENCE_SECONDS} s: {last_line(error)}") from None


def parse(text: str) -> list[DkronJob]:
    """Read a list of DkronJobs as kubectl prints it."""
    return [DkronJob.from_wire(item) for item in json.loads(text)["items"]]
