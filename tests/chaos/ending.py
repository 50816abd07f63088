"""How a storm ends: with a verdict, or with one line that says why there is none.

An API server that stays away for too long, or a recorder that dies, breaks the harness and says nothing about the
operator.
"""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NO_VERDICT = 3
"""Exit code: the harness has failed before there was a verdict."""
LONGEST = 300
"""Characters of what an error says in the line."""
DETAILS = "harness.txt"


class Ending:
    """`again` repeats the storm; `seed` is its seed, if it has one. `folder` keeps the history and what broke the
    harness. `verdict` is the exit code of the verdict."""

    def __init__(self, again: str, *, seed: int | None = None) -> None:
        self.again = again
        self.seed = seed
        self.folder: Path | None = None
        self.verdict: int | None = None
        self._first = ""

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """While this is entered, the storm is at this stage. The first one that fails is told: what fails while
        everything is put away may follow from it."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            self._note(stage, error)
            raise

    def failed(self, error: BaseException) -> int:
        """The exit code after an error of the harness. Prints the line."""
        self._note("putting everything away", error)
        details = self._kept("".join(traceback.format_exception(error)))
        if self.verdict is not None:
            print(f"the verdict stands; the harness failed after it: {self._first}{details}")
            return self.verdict
        seed = "" if self.seed is None else f", seed {self.seed}"
        print(f"no verdict: {self._first}{seed}, repeat with {self.again}{details}")
        return NO_VERDICT

    def _note(self, stage: str, error: BaseException) -> None:
        if not self._first:
            said = " ".join(str(error).partition("\n")[0].split())[:LONGEST]
            self._first = f"{stage} failed with {': '.join(filter(None, (type(error).__name__, said)))}"

    def _kept(self, details: str) -> str:
        """Keep the details beside the history; where, in words."""
        try:
            if self.folder is not None:
                (self.folder / DETAILS).write_text(details, encoding="utf-8")
                return f"; the history and {DETAILS} are in {self.folder}"
        except OSError as error:
            details += f"\n{error}"
        sys.stderr.write(details)
        return ""


def concluded(ending: Ending, have: Callable[[Ending], int]) -> int:
    """Have a storm, and return its exit code: the verdict's, or `NO_VERDICT`."""
    try:
        return have(ending)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the run ends with a line
        return ending.failed(error)
    finally:
        sys.stdout.flush()
