"""Folders of the cache that are complete or not there, for what is fetched rather than built."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.progress import duration, say

FETCH_SECONDS = 900


def fetched(shelf: str, name: str, version: str, fetch: Callable[[Path], None]) -> Path:
    """The folder of this version on a shelf of the cache. `fetch` fills it if it is not there, once for all of us."""
    folder = cache_home() / shelf / f"{name}-{version}"
    if folder.is_dir():
        return folder
    with locked(folder.with_name(f".{folder.name}.lock"), purpose=f"fetch {name}", seconds=FETCH_SECONDS):
        if not folder.is_dir():
            _fill(folder, fetch)
    return folder


def _fill(folder: Path, fetch: Callable[[Path], None]) -> None:
    say(f"fetching {folder.name}")
    began = time.monotonic()
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fetch(part)
    part.rename(folder)
    say(f"{folder.name} is there after {duration(time.monotonic() - began)}")
