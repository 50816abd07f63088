"""Takes out of an image what nothing in it reads. Runs while it is built, with the Python there, so it imports nothing
of ours.
`trim.py system` leaves of a base what Python needs to run, and a shell to look around with. `trim.py dependencies
PREFIX` goes through the packages of an environment. Both compile what is left: nothing can be written at run time.
Bytecode is not compared with the source's time then, for nothing changes in a container, so every build gives the same.
"""

import compileall
import os
import py_compile
import shutil
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ENVIRONMENT = ("include", "share")
CLIENT = tuple(
    f"kubernetes/{part}/[!_]*" for part in ("client/api", "client/models", "aio/client/api", "aio/client/models")
)
"""Most of the weight of the Kubernetes client: what it imports when it is asked for. Nothing here asks."""
UNUSED = (*CLIENT, "alembic/testing", "sqlalchemy/testing", "zstandard/*cffi*")
"""The Kubernetes client's, test suites of others, and what zstandard needs where there is no C extension."""
SOURCES = frozenset({".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx"})
"""Of what is compiled, and types for editors."""
TESTS = frozenset({"test", "tests"})
ELF = b"\x7fELF\x02\x01"
"""How a program for 64 bits begins, the lowest byte of a number first."""

PROGRAMS = frozenset({"cat", "dash", "env", "id", "ls", "sh", "sleep"})
FOLDERS_OF_PROGRAMS = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin")
LIBRARY = (
    *("config-3*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages/*", "test", "tkinter"),
    *("turtle.py", "turtledemo"),
)
"""Of Python's own; packages beside it do not belong to the environment."""
_LIB = ("*/gconv", "*/libapt*", "*/perl*", "*/security", "apt", "dpkg", "gcc", "python3/dist-packages")
_SHARE = (
    *("bash-completion", "debconf", "gcc", "gdb", "info", "locale", "man", "perl*", "pixmaps", "python-wheels"),
    "zoneinfo",
)
SYSTEM = (
    *("etc/apt", "usr/include", "usr/local/include", "usr/local/lib/pkgconfig", "usr/local/share"),
    *(f"usr/lib/{name}" for name in _LIB),
    *(f"usr/share/{name}" for name in _SHARE),
    *("var/cache/*", "var/lib/apt", "var/log/*"),
)
"""Package managers, Perl, what installs or builds, and time zones, which come with the dependencies."""

DATABASE = "var/lib/dpkg"
ASIDE = ("/usr/share/doc/", "/usr/share/lintian/")
"""Files that stay when nothing else is left of a package."""


SETTLED = 315_532_800
"""1980, the first year that all archives can write: the time of all files, so that every build gives the same ones."""
ELSEWHERE = ("dev", "proc", "run", "sys")
"""Files that a container gets from outside."""


def dependencies(prefix: Path) -> None:
    """Go through an environment, such as `/opt/dkron`."""
    _remove(_matching(prefix, ENVIRONMENT))
    _remove([path for path in prefix.glob("bin/*") if not path.name.startswith("python")])  # scripts, and for shells
    for packages in prefix.glob("lib/python3*/site-packages"):
        _remove(_matching(packages, UNUSED))
        _remove([Path(folder, name) for folder, names, _ in os.walk(packages) for name in TESTS.intersection(names)])
        _remove([path for path in packages.rglob("*") if path.suffix in SOURCES])
        for path in packages.rglob("*.so*"):
            if path.is_file() and not path.is_symlink():
                strip(path)
        compiled(packages)
    settle(prefix)


def strip(path: Path) -> None:
    """Cut off the parts of a shared library that no loader reads: symbols and debug information, which are most of the
    weight of some wheels. The stage has no strip(1). Segments stay (man 5 elf); section headers go."""
    content = bytearray(path.read_bytes())
    if content[:6] != ELF:
        return
    (headers,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    end = headers + size * count
    for number in range(count):
        offset, in_file = struct.unpack_from("<8xQ16xQ", content, headers + size * number)
        end = max(end, offset + in_file)
    struct.pack_into("<Q", content, 0x28, 0)
    struct.pack_into("<HHH", content, 0x3A, 0, 0, 0)
    path.write_bytes(content[:end])


def system(root: Path, library: Path) -> None:
    """Go through a whole file system, of which `library` is Python's standard library."""
    _remove(_matching(library, LIBRARY))
    _remove(_matching(root, SYSTEM))
    programs = (path for folder in FOLDERS_OF_PROGRAMS for path in _matching(root / folder, ["*"]))
    _remove([path for path in programs if not _stays(path.name)])
    forget_packages(root)
    compiled(library)
    for folder in (path for path in root.iterdir() if path.name not in ELSEWHERE):
        settle(folder)


def settle(folder: Path) -> None:
    """Give a folder and all that is in it one time."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (SETTLED, SETTLED), follow_symlinks=False)


def forget_packages(root: Path) -> None:
    """Have Debian's database list only packages of which something is left, for scanners read it."""
    lists = [*_matching(root / DATABASE / "info", ["*.list"])]
    gone = {path.stem.partition(":")[0] for path in lists if not any(_is_there(root, name) for name in _lines(path))}
    _remove(root / DATABASE / "status.d" / name for name in gone)
    status = root / DATABASE / "status"
    if status.exists():
        stanzas = status.read_text(encoding="utf-8").split("\n\n")
        kept = [stanza for stanza in stanzas if stanza.partition("\n")[0].removeprefix("Package: ") not in gone]
        status.write_text("\n\n".join(kept), encoding="utf-8")
    _remove([root / DATABASE / "info"])


def compiled(folder: Path, *, seen_at: Path | None = None) -> None:
    """Compile all modules in a folder, which may be another one at run time."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(folder, quiet=2, force=True, invalidation_mode=mode, ddir=str(seen_at) if seen_at else None)


def _stays(program: str) -> bool:
    return program in PROGRAMS or program == "python" or (program.startswith("python3") and "config" not in program)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _is_there(root: Path, name: str) -> bool:
    path = root / name.lstrip("/")
    return not name.startswith(ASIDE) and not path.is_dir() and (path.is_symlink() or path.exists())


def _matching(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(folder.glob(pattern))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> None:
    """`dependencies PREFIX`, `compile FOLDER SEEN_AT`, or `system`, which removes this file as well."""
    match arguments:
        case ["dependencies", prefix]:
            dependencies(Path(prefix))
        case ["compile", folder, seen_at]:
            compiled(Path(folder), seen_at=Path(seen_at))
            settle(Path(folder))
        case ["system"]:
            Path(__file__).unlink()
            system(Path("/"), Path(os.__file__).parent)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
