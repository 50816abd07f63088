"""What runs first in the single file of dkronctl, as its `__main__`: it unpacks the rest once, and runs that.

Python imports no compiled module from a zip. The rest is unpacked below the user's cache, in a folder that is named by
the file's contents, so versions do not meet. The folder appears by one rename: a second call finds all of it or none.
"""

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

PYTHONS = ((3, 11), (3, 14))
"""The oldest and the newest Python that the file has modules for."""


def main() -> None:
    """Run dkronctl. Ends the process."""
    oldest, newest = (".".join(map(str, each)) for each in PYTHONS)
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        own = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"dkronctl: this file is for Python {oldest} to {newest}, and this is Python {own}; run it with another"
        )
    try:
        site = str(unpacked(Path(sys.path[0])))
    except OSError as error:
        sys.exit(f"dkronctl: cannot unpack itself ({error}); set XDG_CACHE_HOME to a folder that you may write to")
    # `dkronctl token` starts this Python again, which has to find the same modules.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (site, os.environ.get("PYTHONPATH"))))
    sys.path[0] = site
    from dkron_cli.main import main as run  # noqa: PLC0415 - only now it can be found

    run()


def unpacked(archive: Path) -> Path:
    """Return the folder with the modules for this Python, and fill it if it is not there. Raises OSError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dkronctl"
    tag = "cp{}{}".format(*sys.version_info[:2])
    with zipfile.ZipFile(archive) as contents:
        site = cache / contents.comment.decode() / tag
        if site.is_dir():
            return owned(site)
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned(cache)
        site.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=site.parent))
        try:
            for member in contents.namelist():
                kind, _, path = member.partition("/")
                if kind in ("any", tag):
                    target = unfinished / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(contents.read(member))
            unfinished.rename(site)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            # Another call was faster.
            if not site.is_dir():
                raise
    return site


def owned(folder: Path) -> Path:
    """Return the folder. Raises OSError if another user could have put modules into it."""
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


if __name__ == "__main__":
    main()
