"""The one place where the base is pinned, the Dockerfile, and how the pin is moved: `make pin-base`."""

import re
import sys
from dataclasses import replace
from pathlib import Path

from image import registry
from image.errors import ImageError
from image.reference import Reference

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
_BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


def read(dockerfile: Path) -> str:
    """The base that a Dockerfile is built on unless told otherwise."""
    match = _BASE.search(dockerfile.read_text(encoding="utf-8"))
    if match is None:
        raise ImageError(f"{dockerfile} has no line 'ARG BASE=…'")
    return match[1]


def move(dockerfile: Path) -> str:
    """Pin what the tag is at this moment, and return it; nothing is written unless the registry has answered."""
    before = Reference.parse(read(dockerfile))
    pinned = replace(before, digest=registry.digest(before))
    text = dockerfile.read_text(encoding="utf-8")
    now = f"{pinned.tagged}@{pinned.digest}"
    dockerfile.write_text(_BASE.sub(f"ARG BASE={now}", text, count=1), encoding="utf-8")
    return now


def main() -> int:
    """Move the pin of this checkout; the exit status."""
    try:
        print(move(DOCKERFILE))
    except ImageError as error:
        sys.stderr.write(f"pin-base: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
