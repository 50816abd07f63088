"""The programs that the demo runs beside the cluster: the operator, and the REST API over the same jobs."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from demo import port
from demo.access import AUDIENCE
from demo.detached import Detached
from demo.errors import DemoError
from localcluster.progress import say

MONITORING = 8081
"""The usual port of the operator's own."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Those that belong to this folder."""

    folder: Path

    @property
    def operator(self) -> Detached:
        """What runs the jobs."""
        return Detached(self.folder, "operator", "the operator")

    @property
    def api(self) -> Detached:
        """What answers Dkron's clients."""
        return Detached(self.folder, "api", "the REST API")

    @property
    def api_url(self) -> str:
        """The address of the REST API. Raises `DemoError` if it does not run."""
        number = port.read(self._port_file)
        if number is None or self.api.running() is None:
            raise DemoError("the REST API of the demo does not run; `make demo` starts it")
        return f"http://{port.HOST}:{number}"

    def restart(self, *, kubeconfig: Path, namespace: str, alone: bool) -> None:
        """Start both anew, so that it is this checkout's code that runs: the API for the namespace, the operator for it
        `alone` or for all."""
        if self.stop():
            say("stopped the programs of an earlier demo")
        common = ("--kubeconfig", str(kubeconfig), "--log-format", "json", "--cluster-namespace", namespace)
        only = ("--namespace", namespace)
        watched = port.choose(self.folder / "monitoring.port", usual=MONITORING)
        ports = ("--monitoring-host", port.HOST, "--monitoring-port", str(watched))
        self.operator.start((_program("dkron-operator"), *common, *(only if alone else ()), *ports))
        say(f"the operator is ready; its log is {self.operator.log}")
        say(f"its metrics are at http://{port.HOST}:{watched}/metrics")
        number = port.choose(self._port_file, wanted=os.environ.get(port.VARIABLE, ""))
        address = ("--host", port.HOST, "--port", str(number), "--auth", "kubernetes", "--audiences", AUDIENCE)
        self.api.start((_program("dkron-api"), *common, *only, *address))
        say(f"the REST API is ready at {self.api_url}; its log is {self.api.log}")

    def check(self) -> None:
        """Raise `DemoError` if one of them has ended."""
        self.operator.check()
        self.api.check()

    def stop(self) -> bool:
        """End both; whether there was any."""
        return any([self.api.stop(), self.operator.stop()])

    @property
    def _port_file(self) -> Path:
        return self.folder / "api.port"


def _program(name: str) -> str:
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise DemoError(f"{path} does not exist; `make venv` installs it")
    return str(path)
