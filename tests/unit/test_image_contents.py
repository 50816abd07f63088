"""Archives of images are read as a container would see them."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from image.contents import Contents

CONFIGURATION = {"created": "2026-01-01T00:00:00Z", "config": {"User": "65532:65532"}}
LAYERS: list[dict[str, str | None]] = [
    {"etc/": None, "etc/passwd": "root", "opt/old/a": "1", "opt/old/b": "2", "kept": "same"},
    {"etc/passwd": "others", "opt/old/.wh.a": "", "opt/old/c": "three"},
    {"./opt/new/.wh..wh..opq": "", "./opt/new/d": "4", "opt/old/e": "5", "opt/old/.wh..wh..opq": ""},
]
SEEN = {"etc/passwd": b"others", "kept": b"same", "opt/new/d": b"4", "opt/old/e": b"5"}


def layer(files: dict[str, str | None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            member.size = len(text or "")
            tar.addfile(member, io.BytesIO((text or "").encode()))
    return buffer.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> str:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    return name


def oci(path: Path) -> None:
    """As podman and buildah write it."""

    def blob(content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        add(tar, f"blobs/sha256/{digest}", content)
        return {"digest": f"sha256:{digest}"}

    with tarfile.open(path, "w") as tar:
        layers = [blob(gzip.compress(layer(files))) for files in LAYERS]
        manifest = {"config": blob(json.dumps(CONFIGURATION).encode()), "layers": layers}
        add(tar, "index.json", json.dumps({"manifests": [blob(json.dumps(manifest).encode())]}).encode())


def docker(path: Path) -> None:
    """As docker writes it."""
    with tarfile.open(path, "w") as tar:
        layers = [add(tar, f"{number}/layer.tar", layer(files)) for number, files in enumerate(LAYERS)]
        configuration = add(tar, "configuration.json", json.dumps(CONFIGURATION).encode())
        add(tar, "manifest.json", json.dumps([{"Config": configuration, "Layers": layers}]).encode())


@pytest.fixture(params=[oci, docker], ids=lambda write: write.__name__)
def contents(request: pytest.FixtureRequest, tmp_path: Path) -> Contents:
    request.param(tmp_path / "image.tar")
    return Contents(tmp_path / "image.tar")


def test_the_topmost_files_are_seen(contents: Contents) -> None:
    assert contents.files(lambda _: True) == SEEN
    assert contents.files(lambda path: path.startswith("opt/old/")) == {"opt/old/e": b"5"}


def test_each_layer_takes_room_whatever_is_seen_of_it(contents: Contents) -> None:
    assert contents.layers == [4 + 1 + 1 + 4, 6 + 5, 1 + 1]
    assert contents.sizes == {path: len(content) for path, content in SEEN.items()}


def test_configuration_belongs_to_the_image(contents: Contents) -> None:
    assert contents.configuration == {"User": "65532:65532"}
    assert contents.created == "2026-01-01T00:00:00Z"
