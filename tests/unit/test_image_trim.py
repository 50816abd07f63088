"""Files that are taken out of the image while it is built, tried on a few files in the places of real ones."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image import trim

PYTHON = "lib/python3.13"
SITE = f"opt/dkron/{PYTHON}/site-packages"
STAYS = (
    "opt/dkron/bin/python3",
    f"{SITE}/grpc/_cython/cygrpc.so",
    f"{SITE}/grpc/_cython/_credentials/roots.pem",
    f"{SITE}/kubernetes/client/api/__init__.py",
    f"{SITE}/kubernetes/client/rest.py",
    f"{SITE}/kubernetes/aio/client/models/__init__.py",
    f"{SITE}/aiohttp/test_utils.py",
    "etc/ssl/certs/ca-certificates.crt",
    f"usr/{PYTHON}/json/__init__.py",
    "usr/bin/python3.13",
    "usr/bin/sh",
    "usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "usr/share/doc/libc6/copyright",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/libc6",
)
GOES = (
    "opt/dkron/bin/activate",
    "opt/dkron/bin/kopf",
    f"{SITE}/aiokafka/tests/test_client.py",
    f"{SITE}/kubernetes/client/api/core_v1_api.py",
    f"{SITE}/kubernetes/client/models/v1_pod.py",
    f"{SITE}/uvloop/loop.pyx",
    f"{SITE}/uvloop/loop.c",
    f"{SITE}/pydantic/mypy.pyi",
    f"{SITE}/sqlalchemy/testing/util.py",
    f"{SITE}/zstandard/_cffi.so",
    "etc/apt/sources.list",
    "usr/bin/gcc",
    "usr/bin/perl5",
    "usr/bin/python3-config",
    "usr/bin/python3.13-config",
    f"usr/{PYTHON}/ensurepip/_bundled/pip.whl",
    f"usr/{PYTHON}/site-packages/pip/__init__.py",
    f"usr/{PYTHON}/test/test_json.py",
    "usr/lib/x86_64-linux-gnu/perl-base/strict.pm",
    "usr/local/bin/pip3",
    "usr/sbin/ldconfig",
    "usr/share/zoneinfo/Europe/Madrid",
    "var/lib/dpkg/info/libc6.list",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*STAYS, *GOES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "var/lib/dpkg/info/libc6.list").write_text("/usr/lib/x86_64-linux-gnu/libstdc++.so.6\n")
    (tmp_path / "usr/bin/python3").symlink_to("python3.13")
    (tmp_path / "usr/bin/awk").symlink_to("/nowhere")
    return tmp_path


def test_trim_keeps_needed_files_with_unchecked_bytecode(root: Path) -> None:
    trim.dependencies(root / "opt/dkron")
    trim.system(root, root / "usr" / PYTHON)
    for module in root.rglob("*.py"):
        flags = int.from_bytes(_bytecode(module)[4:8], "little")
        assert flags == 0b01, f"{module}: PEP 552's flags for an unchecked hash"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or path.is_file()}
    assert {name for name in files if not name.endswith(".pyc")} == {*STAYS, "usr/bin/python3"}


def test_a_stripped_library_is_smaller_and_loads(tmp_path: Path) -> None:
    found = importlib.util.find_spec("zstandard.backend_c")
    assert found is not None
    assert found.origin is not None
    library = tmp_path / Path(found.origin).name
    shutil.copy(found.origin, library)
    before = library.stat().st_size
    trim.strip(library)
    assert library.stat().st_size < before
    load = f"import importlib.util as u; s = u.spec_from_file_location('zstandard.backend_c', {str(library)!r})"
    use = "m = u.module_from_spec(s); s.loader.exec_module(m); print(len(m.ZstdCompressor().compress(b'a' * 1000)))"
    said = subprocess.run([sys.executable, "-c", f"{load}; {use}"], capture_output=True, text=True, check=True)
    assert int(said.stdout) < 100


def test_emptied_packages_lose_their_metadata(root: Path) -> None:
    database = root / trim.DATABASE
    lists = {
        "libstdc++6:amd64": ["/.", "/usr", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"],
        "perl-base": ["/usr", "/usr/bin/perl5", "/usr/share/doc/libc6/copyright"],
        "gcc": ["/usr/bin/gcc"],
        "python3.13": ["/bin/python3.13-config", "/usr/bin/python3"],
    }
    for name, lines in lists.items():
        (database / "info" / f"{name}.list").write_text("\n".join(lines))
    stanzas = [f"Package: {name}\nVersion: 1" for name in ("libstdc++6", "perl-base", "python3.13")]
    (database / "status").write_text("\n\n".join([*stanzas, ""]))
    (database / "status.d/gcc").touch()
    trim.system(root, root / "usr" / PYTHON)
    assert (database / "status").read_text() == f"{stanzas[0]}\n\n{stanzas[2]}\n\n"
    assert [path.name for path in (database / "status.d").iterdir()] == ["libc6"]


def test_bytecode_names_its_final_place_and_is_reproducible(tmp_path: Path) -> None:
    compiled = []
    for name in ("one", "other"):
        module = tmp_path / name / "lib" / "module.py"
        module.parent.mkdir(parents=True)
        module.write_text("def f():\n    raise ValueError\n")
        trim.compiled(tmp_path / name, seen_at=Path("/opt/dkron"))
        compiled.append(_bytecode(module))
    assert compiled[0] == compiled[1]
    assert b"/opt/dkron/lib/module.py" in compiled[0]


def test_all_files_have_one_time(root: Path) -> None:
    trim.dependencies(root / "opt/dkron")
    assert {path.lstat().st_mtime for path in (root / "opt/dkron").rglob("*")} == {trim.SETTLED}
    trim.system(root, root / "usr" / PYTHON)
    assert {path.lstat().st_mtime for path in root.rglob("*")} == {trim.SETTLED}


def test_invalid_arguments_print_the_usage() -> None:
    with pytest.raises(SystemExit, match="Takes out of an image"):
        trim.main(["all"])


def _bytecode(module: Path) -> bytes:
    return Path(importlib.util.cache_from_source(str(module))).read_bytes()
