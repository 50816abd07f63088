"""What the operator hands over to the pod: one environment variable with JSON, and one more for each Secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

CONFIG = "DKRON_EXECUTOR"
"""Name of the environment variable."""
SECRET = "DKRON_EXECUTOR_SECRET_"  # noqa: S105 - the name of a variable
"""The variable of a Secret has a number behind this."""
LONGEST = 128 * 1024 - 1
"""Bytes. Linux takes no environment variable that is longer, with its name (MAX_ARG_STRLEN, `man 2 execve`)."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A config with references as they are in the spec, and the variable that has the value of each reference."""

    config: Mapping[str, str]
    secrets: Mapping[str, str]

    @classmethod
    def of(cls, config: Mapping[str, str], references: list[str]) -> "Handover":
        """The references get variables in their order."""
        return cls(config, {reference: f"{SECRET}{number}" for number, reference in enumerate(references)})

    @classmethod
    def read(cls, text: str) -> "Handover":
        """What `text` says. Raises ValueError, KeyError or TypeError for what no operator has written."""
        raw = json.loads(text)
        return cls(dict(raw["config"]), dict(raw.get("secrets") or {}))

    def text(self) -> str:
        """The value of the variable `CONFIG`."""
        raw = {"config": self.config, **({"secrets": self.secrets} if self.secrets else {})}
        return json.dumps(raw, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @property
    def too_long(self) -> bool:
        """Whether no process could be started with it."""
        return len(f"{CONFIG}={self.text()}".encode()) > LONGEST
