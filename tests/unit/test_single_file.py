"""`dkronctl` as a single file: it unpacks itself once, for its own Python, and runs; krew finds it by its manifest."""

import io
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

from release import krew, single_file, single_file_main

OWN = "{}.{}".format(*sys.version_info[:2])
EPOCH = 1_764_000_000
STUB = {
    "dkron_cli/__init__.py": b"",
    "dkron_cli/main.py": b"import os, sys\ndef main():\n print(sys.argv[1:], os.environ['PYTHONPATH'].split(':')[0])\n",
}


def run(file: Path, home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home), **variables}
    # Without the packages of the Python that runs it.
    isolated = [sys.executable, "-S", "-E", str(file), *words]
    return subprocess.run(isolated, env=environment, capture_output=True, text=True, check=False, timeout=60)


def written(folder: Path, content: bytes) -> Path:
    file = folder / "dkronctl"
    file.write_bytes(content)
    file.chmod(0o755)
    return file


def test_modules_of_all_pythons_are_packed_once_and_always_the_same() -> None:
    sites = {"3.11": {"a.py": b"1", "b.so": b"11", "c.py": b"3"}, "3.12": {"a.py": b"1", "b.so": b"12"}}
    assert dict(single_file.merged(sites)) == {
        "any/a.py": b"1", "cp311/b.so": b"11", "cp312/b.so": b"12", "cp311/c.py": b"3",
    }  # fmt: skip
    packed = single_file.assembled(sites, epoch=EPOCH)
    assert packed == single_file.assembled(dict(reversed(sites.items())), epoch=EPOCH)
    other = single_file.assembled({**sites, "3.12": {}}, epoch=EPOCH)
    assert zipfile.ZipFile(io.BytesIO(packed)).comment != zipfile.ZipFile(io.BytesIO(other)).comment


def test_it_unpacks_itself_once_and_runs(tmp_path: Path) -> None:
    file = written(tmp_path, single_file.assembled({OWN: STUB}, epoch=EPOCH))
    first = run(file, tmp_path, "get", "-A")
    (site,) = (tmp_path / ".cache" / "dkronctl").glob("*/cp*")
    assert first.stdout == f"['get', '-A'] {site}\n", first
    assert (tmp_path / ".cache" / "dkronctl").stat().st_mode & 0o777 == 0o700
    before = (site / "dkron_cli" / "main.py").stat().st_mtime_ns
    assert run(file, tmp_path, "get", "-A").stdout == first.stdout
    assert (site / "dkron_cli" / "main.py").stat().st_mtime_ns == before


def test_what_is_in_the_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, single_file.assembled({OWN: STUB}, epoch=EPOCH))
    done = run(file, tmp_path, XDG_CACHE_HOME="/proc/none")
    assert done.returncode == 1
    assert "set XDG_CACHE_HOME to a folder that you may write to" in done.stderr
    monkeypatch.setattr(single_file_main, "PYTHONS", ((3, 98), (3, 99)))
    with pytest.raises(SystemExit, match=r"this file is for Python 3\.98 to 3\.99"):
        single_file_main.main()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        single_file_main.owned(tmp_path)


ROOT = Path(__file__).parents[2]
NEEDED = ROOT / "requirements" / "cli.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def installed() -> single_file.Files:
    """Return what the file holds for this Python: the locked packages as they are installed here, and our own."""
    names = [line.partition("==")[0] for line in NEEDED.read_text(encoding="utf-8").splitlines() if "==" in line]
    site = Path(sysconfig.get_path("purelib"))
    files: single_file.Files = {}
    for name in names:
        try:
            listed = distribution(name).files or ()
        except ModuleNotFoundError:
            continue  # a package for another platform
        files |= {
            str(path): (site / path).read_bytes() for path in listed if (site / path).suffix in (".py", ".so", "")
        }
    for folder in OURS:
        inside = single_file.files_of(ROOT / folder)
        files |= {f"{Path(folder).name}/{name}": content for name, content in inside.items()}
    return {name: content for name, content in files.items() if not name.startswith("..")}


def test_the_locked_packages_are_enough(tmp_path: Path) -> None:
    file = written(tmp_path, single_file.assembled({OWN: installed()}, epoch=EPOCH))
    assert "explain" in run(file, tmp_path, "--help").stdout
    done = run(file, tmp_path, "next", "0 30 2 * * *", "--tz", "Europe/Madrid", PYTHONSAFEPATH="1")
    assert "02:30:00" in done.stdout, done
    assert "the file does not exist" in run(file, tmp_path, "get", KUBECONFIG="none").stderr
    assert "dkron-api token:" in run(file, tmp_path, "token", "list", KUBECONFIG="none").stderr
    assert "no answer" in run(file, tmp_path, "get", "--server", "localhost:1").stderr


def test_krew_gets_each_platform_with_its_checksum() -> None:
    archives = {platform: (f"dkronctl-{platform}.zip", "ab" * 32) for platform in single_file.PLATFORMS}
    plugin = yaml.safe_load(krew.manifest("1.0.0rc1", archives, semantic="1.0.0-rc.1"))
    assert plugin["spec"]["version"] == "v1.0.0-rc.1"
    platforms = plugin["spec"]["platforms"]
    assert platforms[0]["selector"] == {"matchLabels": {"os": "linux", "arch": "amd64"}}
    assert platforms[-1]["uri"].endswith("/v1.0.0rc1/dkronctl-darwin-arm64.zip")
    assert {(each["sha256"], each["bin"]) for each in platforms} == {("ab" * 32, "dkronctl")}
