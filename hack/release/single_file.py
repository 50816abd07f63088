"""`dkronctl` as one file for each platform, which needs a Python and nothing else.

pex packs the wheels of requirements/cli.txt for each supported Python, and our own. The same commit gives the same
bytes.
"""

import io
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from release import ReleaseError

SECONDS = 600
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "linux-amd64": ("linux_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("linux_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "darwin-amd64": ("macosx_13_0_x86_64",),
    "darwin-arm64": ("macosx_13_0_arm64",),
}
"""As krew names them, with the tags of wheels that run there; pex knows the platform by the first."""
PROGRAM = "dkronctl"
CACHE = "~/.cache/dkronctl"
"""Where the file unpacks itself, unless PEX_ROOT names another folder."""
EXECUTABLE, PLAIN = 0o100755, 0o100644
OLDEST = 315_532_800
"""The first second that a zip can express: 1980."""
HOME = "https://dkron-operator.github.io/dkron-operator/cli/"
PAGE = "https://github.com/dkron-operator/dkron-operator/releases/download"


def build(root: Path, wheel: Path, folder: Path, *, version: str, epoch: int) -> list[Path]:
    """Build an archive with the program and the licence for each platform. Raises ReleaseError."""
    licence = (root / "LICENSE").read_bytes()
    made = []
    for platform, (name, *_) in PLATFORMS.items():
        with tempfile.TemporaryDirectory() as scratch:
            wheels = Path(scratch, "wheels")
            for python in PYTHONS:
                _download(root, wheels, platform, python)
            targets = [f"--platform={name}-cp-{python}.0-cp{python.replace('.', '')}" for python in PYTHONS]
            program = packed(root, wheel, Path(scratch), [f"--pre-resolved-dists={wheels}", *targets])
            archive = folder / f"{PROGRAM}-{version}-{platform}.zip"
            archive.write_bytes(_zipped({PROGRAM: program.read_bytes(), "LICENSE": licence}, epoch=epoch))
            made.append(archive)
    return made


def packed(root: Path, wheel: Path, folder: Path, options: Sequence[str]) -> Path:
    """Pack the program into a folder; the options name the Pythons, and where their packages are."""
    sources, program = folder / "sources", folder / PROGRAM
    with zipfile.ZipFile(wheel) as own:
        own.extractall(sources)
    needed = [f"--requirement={root / 'requirements' / 'cli.in'}", f"--sources-directory={sources}"]
    start = ["--entry-point=dkron_cli.main:main", "--venv", "--sh-boot", f"--runtime-pex-root={CACHE}"]
    _run("pex", [*options, *needed, *start, f"--output-file={program}"])
    return program


def _download(root: Path, folder: Path, platform: str, python: str) -> None:
    tags = [f"--platform={tag}" for tag in PLATFORMS[platform]]
    target = [f"--dest={folder}", "--no-deps", "--only-binary=:all:", f"--python-version={python}", *tags]
    locked = ["--require-hashes", f"--requirement={root / 'requirements' / 'cli.txt'}"]
    _run("pip", ["--disable-pip-version-check", "download", "--quiet", *target, *locked])


def _run(module: str, arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"{module} cannot pack {PROGRAM}: {done.stderr.strip()[-800:]}")


def _zipped(files: Mapping[str, bytes], *, epoch: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(max(epoch, OLDEST))[:6])
            entry.external_attr = (EXECUTABLE if name == PROGRAM else PLAIN) << 16
            entry.create_system = 3  # Unix, so that the modes count
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def krew(version: str, archives: Mapping[str, tuple[str, str]], *, semantic: str) -> str:
    """Return the manifest. `archives` has the file and its SHA-256 by platform, such as linux-amd64; `semantic` is the
    version as krew reads it."""
    plugin = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "dkron"},
        "spec": {
            "version": f"v{semantic}",
            "homepage": HOME,
            "shortDescription": "Run, watch and migrate jobs of dkron-operator",
            "description": "Shows, runs, stops, explains and moves DkronJobs, by kubeconfig or by Dkron's REST API.\n",
            "caveats": "It needs Python 3.11 to 3.14 on the PATH, and unpacks itself below ~/.cache once.\n",
            "platforms": [_krew_platform(platform, version, *archive) for platform, archive in archives.items()],
        },
    }
    return yaml.safe_dump(plugin, sort_keys=False, allow_unicode=True, width=120)


def _krew_platform(platform: str, version: str, file: str, digest: str) -> dict[str, Any]:
    system, architecture = platform.split("-")
    return {
        "selector": {"matchLabels": {"os": system, "arch": architecture}},
        "uri": f"{PAGE}/v{version}/{file}",
        "sha256": digest,
        "bin": PROGRAM,
    }
