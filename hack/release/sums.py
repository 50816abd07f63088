"""SHA256SUMS: a line for each file of a release, as `sha256sum --check` reads it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

NAME = "SHA256SUMS"


def write(folder: Path, files: Iterable[Path]) -> Path:
    """Write the sums of files in a folder into it, by name."""
    lines = [f"{digest(file)}  {file.relative_to(folder)}\n" for file in sorted(files)]
    sums = folder / NAME
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
