"""The contents of an archive of an image, OCI's or Docker's, read without an engine.

Layers are put over each other as the OCI image specification says: a file `.wh.name` takes `name` away, and
`.wh..wh..opq` all that lower layers have in its folder.
"""

import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
Document = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """An archive as `docker save`, `podman save` and `buildah push` write it."""

    archive: Path

    @cached_property
    def configuration(self) -> Document:
        """How the image is to be run: `User`, `Labels`, `Env`, …"""
        return cast("Document", self._described[0]["config"])

    @cached_property
    def created(self) -> str:
        """When it was made, by its own account."""
        return str(self._described[0].get("created", ""))

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file that is seen in a container, by its path without a slash at the start."""
        return {name: member.size for name, (_, member) in self._seen(lambda _: True).items()}

    @cached_property
    def layers(self) -> list[int]:
        """Bytes of all files of each layer, the lowest first; their sum is what the image takes on a disk."""
        return [sum(member.size for member in layer.getmembers()) for layer in self._opened()]

    def files(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """The contents of the files with such paths."""
        places = {(number, member.offset): name for name, (number, member) in self._seen(wanted).items()}
        found: dict[str, bytes] = {}
        for number, layer in enumerate(self._opened()):
            for member in layer.getmembers():  # in their order: a compressed layer is read forwards
                name = places.get((number, member.offset))
                if name is not None and member.isfile():
                    found[name] = cast("IO[bytes]", layer.extractfile(member)).read()
        return found

    def _seen(self, wanted: Callable[[str], bool]) -> dict[str, tuple[int, tarfile.TarInfo]]:
        """The topmost file of each path, with the number of its layer."""
        seen: dict[str, tuple[int, tarfile.TarInfo]] = {}
        for number, layer in enumerate(self._opened()):
            for member in layer.getmembers():
                path = PurePosixPath("/", member.name).relative_to("/")
                if path.name.startswith(WHITEOUT):
                    _take_away(seen, path, number)
                elif not member.isdir() and wanted(str(path)):
                    seen[str(path)] = number, member
        return seen

    def _opened(self) -> Iterator[tarfile.TarFile]:
        with tarfile.open(self.archive) as outer:
            for name in self._described[1]:
                with tarfile.open(fileobj=outer.extractfile(name)) as layer:
                    yield layer

    @cached_property
    def _described(self) -> tuple[Document, list[str]]:
        """The image's configuration, and where in the archive its layers are."""
        with tarfile.open(self.archive) as outer:
            if "manifest.json" in outer.getnames():  # Docker's archive; with newer engines it is both
                (manifest,) = _load(outer, "manifest.json")
                return cast("Document", _load(outer, manifest["Config"])), list(manifest["Layers"])
            manifest = _load(outer, _blob(_load(outer, "index.json")["manifests"][0]))
            return _load(outer, _blob(manifest["config"])), [_blob(layer) for layer in manifest["layers"]]


def _take_away(seen: dict[str, tuple[int, tarfile.TarInfo]], path: PurePosixPath, layer: int) -> None:
    gone = path.parent if path.name == OPAQUE else path.with_name(path.name.removeprefix(WHITEOUT))
    lower = [name for name, (number, _) in seen.items() if number < layer]
    for name in lower:
        if PurePosixPath(name).is_relative_to(gone):
            del seen[name]


def _load(outer: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - as JSON is
    content = outer.extractfile(name)
    if content is None:
        raise ValueError(f"{name} is no file")
    return json.load(content)


def _blob(descriptor: Mapping[str, str]) -> str:
    return "blobs/" + descriptor["digest"].replace(":", "/")
