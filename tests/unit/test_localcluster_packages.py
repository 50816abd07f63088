"""Debian packages of a cluster: only where there is no apt-get may `make test` leave out what needs them."""

from pathlib import Path

import pytest

from localcluster import cli, commands, packages
from localcluster.debian import NoPackages
from localcluster.errors import ClusterError
from localcluster.nodes import NodeKind

ROOT = Path(__file__).parents[2]
FAILS = "#!/bin/sh\necho 'no such package'\nexit 100\n"
ABSENT = ["containerd", "runc"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, and empty: a machine that lacks all programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("localcluster.packages.os.geteuid", lambda: 0)
    return tmp_path


def apt_get(folder: Path) -> None:
    """An apt-get that fails."""
    program = folder / "apt-get"
    program.write_text(FAILS)
    program.chmod(0o755)


@pytest.mark.usefixtures("folder")
def test_missing_apt_get_is_an_error_naming_the_packages() -> None:
    with pytest.raises(NoPackages, match=r"there is no apt-get; .*: openssl containerd runc"):
        packages.ensure(NodeKind.REAL)


def test_an_apt_get_that_fails_is_a_failure(folder: Path) -> None:
    apt_get(folder)
    with pytest.raises(ClusterError, match=r"apt-get could not install containerd runc:\nno such package") as caught:
        packages.install(ABSENT)
    assert not isinstance(caught.value, NoPackages)


def test_an_apt_get_without_root_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get(folder)
    monkeypatch.setattr("localcluster.packages.os.geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"run as root: apt-get install .* containerd runc") as caught:
        packages.install(ABSENT)
    assert not isinstance(caught.value, NoPackages)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(NoPackages("there is no apt-get"), 3, id="no apt-get"),
        pytest.param(ClusterError("apt-get could not install runc"), 1, id="any other"),
    ],
)
def test_exit_status_distinguishes_the_cases_for_the_makefile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: ClusterError, status: int
) -> None:
    def build(*_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "build_tools", build)
    assert cli.main(["build", "--nodes", "real"]) == status
    assert capsys.readouterr().err == f"cluster: {error}\n"
    assert f"build --nodes real || test $$? -eq {cli.NO_PACKAGES}\n" in (ROOT / "Makefile").read_text("utf-8")
