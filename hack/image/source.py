"""Which commit this checkout is: what an image and a release say about where they come from, and when.

The time is when the commit was made, or $SOURCE_DATE_EPOCH, not when it is built: the same source gives the same bytes.
See https://reproducible-builds.org/specs/source-date-epoch/.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EPOCH = "SOURCE_DATE_EPOCH"
GIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Source:
    """The known facts about a checkout; none for one that git does not know, such as an unpacked archive."""

    commit: str = ""
    epoch: int = 0
    """Seconds since 1970 of the commit; 0 if unknown."""
    changed: bool = False
    """Whether files differ from the commit, or are not in it."""
    tags: Sequence[str] = ()

    @property
    def revision(self) -> str:
        """The commit, marked if it is not all that is here."""
        return f"{self.commit}-dirty" if self.commit and self.changed else self.commit

    @property
    def created(self) -> str:
        """The time as RFC 3339 has it; empty if unknown."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if self.epoch else ""


def read(root: Path, environment: Mapping[str, str] = os.environ) -> Source:
    """Ask git about a checkout."""
    commit = _git(root, "rev-parse", "HEAD")
    stamp = environment.get(EPOCH, "") or (_git(root, "show", "--no-patch", "--format=%ct", "HEAD") if commit else "")
    return Source(
        commit=commit,
        epoch=int(stamp) if stamp.isdecimal() else 0,
        changed=bool(commit and _git(root, "status", "--porcelain")),
        tags=tuple(_git(root, "tag", "--points-at", "HEAD").split()) if commit else (),
    )


def _git(root: Path, *arguments: str) -> str:
    if shutil.which("git") is None or not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
