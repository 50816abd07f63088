"""`dkronctl` as one file for each platform, which needs a Python and nothing else.

The file is a zip behind a line that names the interpreter, as those of `zipapp`. It holds the wheels of
requirements/cli.txt for each supported Python: what is the same for all of them under `any/`, the rest under `cp311/`
and so on. It unpacks itself, see single_file_main.py. The same commit gives the same bytes.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from release import single_file_main
from release.errors import ReleaseError

PIP_SECONDS = 600
PYTHONS = tuple(f"3.{minor}" for minor in range(single_file_main.PYTHONS[0][1], single_file_main.PYTHONS[1][1] + 1))
PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "linux-amd64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "darwin-amd64": ("macosx_13_0_x86_64",),
    "darwin-arm64": ("macosx_13_0_arm64",),
}
"""As krew names them, with the tags of wheels that run there."""
PROGRAM = "dkronctl"
LEFT_OUT = ("bin/", "__pycache__/", ".dist-info/RECORD", ".dist-info/INSTALLER", ".dist-info/REQUESTED", ".pyi")
FIRST_LINE = b"#!/usr/bin/env python3\n"
EXECUTABLE, PLAIN = 0o100755, 0o100644
OLDEST = 315_532_800
"""The first second that a zip can express: 1980."""

Files = dict[str, bytes]


def build(root: Path, wheel: Path, folder: Path, *, version: str, epoch: int) -> list[Path]:
    """Build an archive with the program and the licence for each platform. Raises ReleaseError."""
    licence = (root / "LICENSE").read_bytes()
    made = []
    for platform in PLATFORMS:
        program = assembled({python: _site(root, wheel, platform, python) for python in PYTHONS}, epoch=epoch)
        archive = folder / f"{PROGRAM}-{version}-{platform}.zip"
        contents = {PROGRAM: program, "LICENSE": licence}
        archive.write_bytes(zipped(contents, epoch=epoch, executable=(PROGRAM,)))
        made.append(archive)
    return made


def assembled(sites: Mapping[str, Files], *, epoch: int) -> bytes:
    """Return the single file for these versions of Python, each with its modules by path."""
    main = Path(single_file_main.__file__).read_bytes()
    packed = {"__main__.py": main, **dict(merged(sites))}
    identity = hashlib.sha256(b"".join(name.encode() + content for name, content in sorted(packed.items())))
    return FIRST_LINE + zipped(packed, epoch=epoch, comment=identity.hexdigest()[:16])


def merged(sites: Mapping[str, Files]) -> Iterator[tuple[str, bytes]]:
    """Yield each file once: below `any/` if all versions of Python have the same, else below that of the version."""
    for path in sorted({path for site in sites.values() for path in site}):
        found = {python: site[path] for python, site in sites.items() if path in site}
        if len(found) == len(sites) and len(set(found.values())) == 1:
            yield f"any/{path}", next(iter(found.values()))
        else:
            yield from ((f"cp{python.replace('.', '')}/{path}", content) for python, content in found.items())


def zipped(files: Mapping[str, bytes], *, epoch: int, comment: str = "", executable: Iterable[str] = ()) -> bytes:
    """Return a zip, the same whenever it is made."""
    made, runs = io.BytesIO(), {*executable}
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.comment = comment.encode()
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(max(epoch, OLDEST))[:6])
            entry.external_attr = (EXECUTABLE if name in runs else PLAIN) << 16
            entry.create_system = 3  # Unix, so that the modes count
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def files_of(folder: Path) -> Files:
    """Return the modules below a folder, without what pip notes for itself."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if not _is_left_out(name)}


def _is_left_out(name: str) -> bool:
    return name.startswith("bin/") or any(part in name for part in LEFT_OUT[1:])


def _site(root: Path, wheel: Path, platform: str, python: str) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        target = ["--target", folder, "--no-deps", "--no-compile", "--only-binary", ":all:", "--quiet"]
        tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
        locked = ["--require-hashes", "--requirement", str(root / "requirements" / "cli.txt")]
        _pip(["install", *target, *tags, "--python-version", python, "--implementation", "cp", *locked])
        _pip(["install", *target, "--no-index", "--upgrade", str(wheel)])
        return files_of(Path(folder))


def _pip(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"pip cannot install what dkronctl needs: {done.stderr.strip()[-800:]}")
