"""The build itself: a base, the Dockerfile of this checkout, an archive."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dkron_runtime.image import own_image
from image import bases, pip_settings, source
from image.reference import Reference
from image.source import Source
from localcluster import archives, engines
from localcluster.engines import Recipe
from localcluster.locks import locked
from localcluster.paths import cache_home
from localcluster.progress import duration, say

ROOT = Path(__file__).parents[2]
LOCK_SECONDS = 1800
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Built:
    """An image that exists: its name, and an archive of it."""

    reference: str
    archive: Path


def build(*, base: str = bases.DEFAULT, refresh: bool = False) -> Built:
    """Build what this checkout holds, under the name that its version gives it, with labels that say from where it is.

    Whatever was built before from the same content is taken from the engine's layers; callers take turns.
    """
    with locked(cache_home() / "image.lock", purpose="building the image", seconds=LOCK_SECONDS):
        return _build(base, refresh=refresh)


def _build(base: str, *, refresh: bool) -> Built:
    started, engine, reference = time.monotonic(), engines.find(), own_image()
    foundation, here = bases.ensure(engine, base, refresh=refresh), source.read(ROOT)
    say(f"building {reference} with {engine.name} on {foundation}")
    with tempfile.TemporaryDirectory() as folder:
        secrets = pip_settings.write(Path(folder))
        said = labels(reference, base, foundation, here)
        engine.build(Recipe(ROOT, reference, {"BASE": foundation}, secrets, said, here.epoch))
    archive = archives.of(reference)
    took, size = duration(time.monotonic() - started), archive.stat().st_size / MEGABYTE
    say(f"built {reference} in {took}; its archive of {size:.0f} MB is {archive}")
    return Built(reference, archive)


def labels(reference: str, wanted: str, foundation: str, here: Source) -> dict[str, str]:
    """Labels of an image beyond those in the Dockerfile, as far as they are known.

    The base is named as it was wanted, unless another one was made in its place.
    See https://github.com/opencontainers/image-spec/blob/main/annotations.md.
    """
    base = Reference.parse(wanted if foundation == Reference.parse(wanted).exact else foundation)
    said = {
        "version": Reference.parse(reference).tag,
        "revision": here.revision,
        "created": here.created,
        "base.name": base.tagged,
        "base.digest": base.digest,
    }
    return {f"org.opencontainers.image.{name}": value for name, value in said.items() if value}
