"""The data that the operator passes to the pod: one environment variable with JSON, and another for each Secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

CONFIG = "DKRON_EXECUTOR"
"""Name of the environment variable."""
SECRET = "DKRON_EXECUTOR_SECRET_"  # noqa: S105 - the name of a variable
"""Prefix of the variable of a Secret, followed by a number."""
LONGEST = 128 * 1024 - 1
"""Bytes. Linux rejects a longer environment variable, including its name (MAX_ARG_STRLEN, `man 2 execve`)."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A config with references as in the spec, and the variable that contains the value of each reference."""

    config: Mapping[str, str]
    secrets: Mapping[str, str]

    @classmethod
    def assigned(cls, config: Mapping[str, str], references: list[str]) -> "Handover":
        """Assign variables to the references in their order."""
        return cls(config, {reference: f"{SECRET}{number}" for number, reference in enumerate(references)})

    @classmethod
    def read(cls, text: str) -> "Handover":
        """Parse `text`. Raises ValueError, KeyError or TypeError if the operator cannot have written it."""
        raw = json.loads(text)
        return cls(dict(raw["config"]), dict(raw.get("secrets") or {}))

    def text(self) -> str:
        """Return the value of the variable `CONFIG`."""
        raw = {"config": self.config, **({"secrets": self.secrets} if self.secrets else {})}
        return json.dumps(raw, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @property
    def too_long(self) -> bool:
        """Whether the variable is too long to start a process with it."""
        return len(f"{CONFIG}={self.text()}".encode()) > LONGEST
