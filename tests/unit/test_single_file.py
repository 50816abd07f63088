"""`dkronctl` as a single file: it unpacks itself once, and runs; krew finds it by its manifest."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from release import single_file

ROOT = Path(__file__).parents[2]


def test_locked_packages_are_enough_and_unpacked_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    file = single_file.packed(ROOT, wheel, tmp_path, [f"--venv-repository={sys.prefix}"])
    assert b"/.cache/dkronctl" in file.read_bytes()[:1000]

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(tmp_path), **variables}
        return subprocess.run([file, *words], env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert "explain" in run("--help").stdout
    unpacked = {*(tmp_path / ".cache" / "dkronctl" / "venvs").rglob("*.py")}
    assert unpacked
    done = run("next", "0 30 2 * * *", "--tz", "Europe/Madrid", PYTHONSAFEPATH="1")
    assert "02:30:00" in done.stdout, done
    assert "the file does not exist" in run("get", KUBECONFIG="none").stderr
    assert "dkron-api token:" in run("token", "list", KUBECONFIG="none").stderr
    assert "no answer" in run("get", "--server", "localhost:1").stderr
    assert {*(tmp_path / ".cache" / "dkronctl" / "venvs").rglob("*.py")} == unpacked


def test_krew_gets_each_platform_with_its_checksum() -> None:
    archives = {platform: (f"dkronctl-{platform}.zip", "ab" * 32) for platform in single_file.PLATFORMS}
    plugin = yaml.safe_load(single_file.krew("1.0.0rc1", archives, semantic="1.0.0-rc.1"))
    assert plugin["spec"]["version"] == "v1.0.0-rc.1"
    platforms = plugin["spec"]["platforms"]
    assert platforms[0]["selector"] == {"matchLabels": {"os": "linux", "arch": "amd64"}}
    assert platforms[-1]["uri"].endswith("/v1.0.0rc1/dkronctl-darwin-arm64.zip")
    assert {(each["sha256"], each["bin"]) for each in platforms} == {("ab" * 32, "dkronctl")}
