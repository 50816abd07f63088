"""The parts of a release that are neither the image nor the command line.

All are the same whenever and by whomever they are made from the same commit.
"""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from charttools import programs
from image.source import EPOCH
from localcluster import build
from release import ReleaseError

BUILD_SECONDS = 300
CHART = Path("charts", "dkron-operator")
PACK_SECONDS = 120
SUMS = "SHA256SUMS"


def distributions(root: Path, folder: Path, *, epoch: int) -> list[Path]:
    """Build both into a folder; hatchling is locked, and nothing is fetched."""
    before = {*folder.iterdir()}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environment = os.environ | {EPOCH: str(epoch)}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise ReleaseError(f"hatchling cannot build the project: {done.stderr.strip()}")
    return sorted({*folder.iterdir()} - before)


def custom_resources(folder: Path) -> str:
    """The manifests of a folder, one document after the other, in the order of their names."""
    manifests = sorted(folder.glob("*.yaml"))
    return "".join(
        f"---\n{manifest.read_text(encoding='utf-8').removeprefix('---').strip()}\n" for manifest in manifests
    )


def chart(root: Path, folder: Path, *, version: str, app_version: str, epoch: int) -> Path:
    """Pack the chart of a checkout into a folder; Helm is built first if it is not there."""
    helm = programs.helm()
    build.ensure([helm])
    options = [f"--version={version}", f"--app-version={app_version}", f"--destination={folder}"]
    command = [str(helm.program("helm")), "package", str(root / CHART), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PACK_SECONDS, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"Helm cannot pack {CHART}: {done.stderr.strip() or done.stdout.strip()}")
    packed = folder / f"{CHART.name}-{version}.tgz"
    settle(packed, epoch=epoch)
    return packed


FILE_MODE, FOLDER_MODE = 0o644, 0o755


def settle(archive: Path, *, epoch: int) -> None:
    """Pack a .tgz again: sorted by name, with one time, one owner and plain modes."""
    with tarfile.open(archive, "r:gz") as packed:
        contents = [(member, _content(packed, member)) for member in packed.getmembers()]
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as settled:
        for member, content in sorted(contents, key=lambda pair: pair[0].name):
            settled.addfile(_settled(member, epoch), io.BytesIO(content))
    archive.write_bytes(gzip.compress(plain.getvalue(), mtime=epoch))


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = packed.extractfile(member)
    return file.read() if file else b""


def _settled(member: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    same = tarfile.TarInfo(member.name)
    same.type, same.linkname, same.size, same.mtime = member.type, member.linkname, member.size, epoch
    same.mode = FOLDER_MODE if member.isdir() else FILE_MODE
    return same


def write_sums(folder: Path, files: Iterable[Path]) -> Path:
    """Write the sums of files in a folder into it, by name."""
    lines = [f"{digest(file)}  {file.relative_to(folder)}\n" for file in sorted(files)]
    sums = folder / SUMS
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
