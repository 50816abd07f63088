"""Words in a row that differ from run to run: names of its own, and days."""

import re
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """What stands for `$job` (no name of another row begins so), `$today`, `$yesterday` and `$now` in a row."""

    job: str
    now: datetime

    def in_(self, value: Any) -> Any:
        """The value, with the words in place of their names in each text, keys included."""
        match value:
            case str():
                return string.Template(value).safe_substitute(self._all())
            case re.Pattern():
                return re.compile(string.Template(value.pattern).safe_substitute(self._all()), value.flags)
            case Mapping():
                return {self.in_(key): self.in_(item) for key, item in value.items()}
            case list() | tuple():
                return [self.in_(item) for item in value]
            case _:
                return value

    def _all(self) -> dict[str, str]:
        day = timedelta(days=1)
        return {
            "job": self.job,
            "now": f"{self.now:%Y-%m-%dT%H:%M:%S.%fZ}",
            "today": f"{self.now:%Y-%m-%d}",
            "yesterday": f"{self.now - day:%Y-%m-%d}",
        }


def words_of(says: str, now: datetime) -> Words:
    """The words of the row with this sentence."""
    return Words(job=f"r{zlib.crc32(says.encode()):08x}", now=now)
