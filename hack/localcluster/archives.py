"""Archives of images in the cache: written once for a content, and the oldest forgotten."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from localcluster import engines
from localcluster.engines import Engine
from localcluster.errors import ClusterError
from localcluster.paths import cache_home
from localcluster.progress import say

KEPT = 3
"""How many of an image are kept: another checkout may be about to load its own."""


def of(reference: str) -> Path:
    """An archive of the image with this name, kept in the cache. Raises ClusterError if there is no such image."""
    engine = engines.find()
    identity = engine.id_of(reference)
    if not identity:
        raise ClusterError(f"{engine.name} has no image {reference}; `make image` builds the project's own")
    return _kept(engine, reference, identity)


def _kept(engine: Engine, reference: str, identity: str) -> Path:
    # By name as well as by content: an archive holds the name under which pods will know the image.
    name = re.sub(r"[^\w.-]", "_", reference)
    archive = cache_home() / "images" / f"{name}-{identity[:12]}.tar"
    if archive.exists():
        archive.touch()
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(f".partial-{os.getpid()}")
    say(f"writing {reference} to {archive}")
    try:
        engine.save(reference, partial)
        partial.rename(archive)
    finally:
        partial.unlink(missing_ok=True)
    _forget(sorted(archive.parent.glob(f"{name}-*.tar"), key=lambda path: path.stat().st_mtime)[:-KEPT])
    return archive


def _forget(archives: Sequence[Path]) -> None:
    for archive in archives:
        archive.unlink(missing_ok=True)
