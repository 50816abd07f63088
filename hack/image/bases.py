"""The image to build on: the one that is named, from its registry; in place of the default, one that is made here.

Ours is for machines that reach no registry. It holds what Debian's packages hold, checked against Debian's keys, and is
made without running their scripts, so it takes seconds and has no package manager. Kept under the name of its recipe.
"""

import hashlib
import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from image import ImageError, pin
from image.reference import Reference
from localcluster import packages
from localcluster.engines import Engine, Recipe
from localcluster.progress import say

DEFAULT = pin.read(pin.DOCKERFILE)
"""With the digest at which it is pinned."""

SUITE = "trixie"
"""The Debian with that Python, 3.13."""

PACKAGES = (
    "base-files",
    "base-passwd",
    "ca-certificates",
    "coreutils",
    "dash",
    "libc-bin",
    "libstdc++6",  # for grpc
    "netbase",
    "python3-minimal",
    "python3.13-venv",  # with the whole standard library and pip, which builds need
    "tzdata",
)
UNNEEDED = ("/usr/lib/*/gconv/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
NEEDED = ("/usr/share/doc/*/copyright",)
# What the packages' scripts would have done, as far as it matters here.
FINISH = (
    'cp "$1"/usr/share/base-passwd/passwd.master "$1"/etc/passwd',
    'cp "$1"/usr/share/base-passwd/group.master "$1"/etc/group',
    'cat "$1"/usr/share/ca-certificates/mozilla/*.crt >"$1"/etc/ssl/certs/ca-certificates.crt',
    'chroot "$1" python3 -m compileall -q /usr/lib/python3.13',
    # The packages and their files, where scanners look for it in images that have no package manager.
    (
        'cd "$1"/var/lib/dpkg && mkdir -p info status.d && for deb in "$1"/var/cache/apt/archives/*.deb; do '
        'name="$(dpkg-deb --field "$deb" Package)" && dpkg-deb --field "$deb" >"status.d/$name" && '
        'dpkg-deb --fsys-tarfile "$deb" | tar -t | sed "s/^[.]//" >"info/$name.list" || exit 1; done'
    ),
)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DOCKERFILE = "FROM scratch\nADD base.tar /\n"
MAKE_SECONDS = 900
QUERY = ("apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)", "Created-By: Packages")
QUERY_SECONDS = 60


def ensure(engine: Engine, wanted: str, *, refresh: bool = False) -> str:
    """Have the engine hold a base, and return its name; `refresh` fetches or makes it again."""
    own, exact = f"localhost/dkron-operator-base:{_key()}", Reference.parse(wanted).exact
    known = (exact, own) if wanted == DEFAULT else (exact,)
    held = "" if refresh else next((name for name in known if engine.id_of(name)), "")
    if held:
        return held
    say(f"fetching {wanted}")
    reason = engine.pull(exact)
    if not reason:
        return exact
    if wanted != DEFAULT:
        raise ImageError(f"{engine.name} cannot pull {wanted}: {reason}")
    say(f"no registry can be reached ({reason}); making a base from Debian's packages instead")
    _make(engine, own)
    return own


def _make(engine: Engine, name: str) -> None:
    programs = {"mmdebstrap": shutil.which("mmdebstrap"), "debian-archive-keyring": KEYRING.exists()}
    packages.install([package for package, present in programs.items() if not present])
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "base.tar")
        command = [*_recipe(), f"--keyring={KEYRING}", SUITE, str(archive), *mirrors(SUITE)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, timeout=MAKE_SECONDS, check=False)
        if done.returncode != 0:
            raise ImageError(
                f"no base could be made: '{shlex.join(command[:1])}' failed, see above; use a base that exists here: "
                "`make image BASE=…`"
            )
        Path(folder, "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
        engine.build(Recipe(Path(folder), name, {}, {}))


def _recipe() -> list[str]:
    excluded = [f"--dpkgopt=path-exclude={path}" for path in UNNEEDED]
    included = [f"--dpkgopt=path-include={path}" for path in NEEDED]
    finish = [f"--extract-hook={command}" for command in FINISH]
    return ["mmdebstrap", "--variant=extract", f"--include={','.join(PACKAGES)}", *excluded, *included, *finish]


def _key() -> str:
    return hashlib.sha256(json.dumps([SUITE, _recipe(), DOCKERFILE]).encode()).hexdigest()[:12]


def mirrors(suite: str) -> list[str]:
    """Lines for a sources.list; none where apt does not know Debian, for mmdebstrap has a default."""
    if shutil.which(QUERY[0]) is None:
        return []
    answer = subprocess.run(QUERY, capture_output=True, text=True, timeout=QUERY_SECONDS, check=False)
    return mirror_lines(answer.stdout.splitlines(), suite=suite)


def mirror_lines(known: Iterable[str], *, suite: str) -> list[str]:
    """From `Debian bookworm http://…` for each repository to the same of another suite, its updates and security."""
    found = (line.split(" ") for line in known)
    debian = {(_renamed(row[1], suite), row[2]) for row in found if len(row) == 3 and row[0] == "Debian"}  # noqa: PLR2004
    return [f"deb {address} {name} main" for name, address in sorted(debian)]


def _renamed(codename: str, suite: str) -> str:
    """`bookworm-security` as `trixie-security`."""
    _, dash, pocket = codename.partition("-")
    return f"{suite}{dash}{pocket}"
