"""Runs the container that an executor builds as a process, with the environment that a kubelet would give it."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dkron_crds.job import JobSpec
from dkron_executors import program
from dkron_pods import executors
from tests.support.builders import IMAGES

_VARIABLE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


def expanded(text: str, env: Mapping[str, str]) -> str:
    """`$$` is one dollar, `$(NAME)` is the variable where there is one, everything else stays."""
    return _VARIABLE.sub(lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)


PATIENCE = 60
"""Seconds for a container."""


@dataclass(frozen=True)
class Ran:
    """The remains of a container."""

    code: int
    output: str


@dataclass
class Kubelet:
    """Secrets by name and key."""

    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        env: dict[str, str] = {}
        for item in container.get("env", ()):
            if "valueFrom" in item:
                reference = item["valueFrom"]["secretKeyRef"]
                env[item["name"]] = self.secrets[reference["name"]][reference["key"]]
            else:
                env[item["name"]] = expanded(item["value"], env)
        return env

    def call(self, executor: str, config: Mapping[str, str]) -> Ran:
        """What `run` does, without a process of its own: quicker, where it is the call that matters."""
        container = self._container(executor, config)
        result = program.outcome([executor], self.environment(container))
        return Ran(0 if result.success else program.FAILED, program.printed(result).decode("utf-8", "replace"))

    def run(self, executor: str, config: Mapping[str, str], **environment: str) -> Ran:
        """The executor's container, until it ends. Its output is one stream, as in a pod's log."""
        container = self._container(executor, config)
        python, *arguments = container["command"]
        assert python == "python"
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"PATH": os.environ["PATH"], **self.environment(container), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"))

    def _container(self, executor: str, config: Mapping[str, str]) -> dict[str, Any]:
        spec = JobSpec.from_wire({"schedule": "@hourly", "executor": executor, "executorConfig": dict(config)})
        (container,) = executors.job(spec, images=IMAGES)["template"]["spec"]["containers"]
        built: dict[str, Any] = container
        return built
