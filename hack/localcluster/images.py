"""Images without a registry: an OCI archive is a tar of a layout file, an index and blobs.

The real node gets two, both made of the host's static busybox: one for test pods, and one for the pause container.
"""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from localcluster.packages import BUSYBOX

BUSYBOX_IMAGE = "docker.io/library/busybox:1.36"
FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var")
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": b"root:x:0:\nnobody:x:65534:\n",
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
WRITABLE_BY_ALL = 0o1777

_OCI = "application/vnd.oci.image."


def archive(*, name: str, layer: bytes, command: tuple[str, ...]) -> bytes:
    """An OCI archive of one image with one layer, known by `name` when it is imported."""
    machine = platform.machine()
    config = _json(
        {
            "architecture": ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _OCI + "manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [_descriptor("layer.v1.tar", layer)],
        }
    )
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = _json(
        {"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest) | {"annotations": names}]}
    )
    blobs = {"blobs/sha256/" + hashlib.sha256(blob).hexdigest(): blob for blob in (layer, config, manifest)}
    return _tar({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **blobs})


def busybox_layer() -> bytes:
    """A root file system of busybox and a link for each of its applets."""
    listing = subprocess.run([str(BUSYBOX), "--list"], capture_output=True, text=True, timeout=10, check=True)
    applets = [applet for applet in listing.stdout.split() if applet != "busybox"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in FOLDERS:
            _add_folder(tar, folder)
        for path, content in FILES.items():
            _add_file(tar, path, content=content)
        _add_file(tar, "bin/busybox", content=BUSYBOX.read_bytes(), mode=0o755)
        for applet in applets:
            _add_link(tar, f"bin/{applet}", target="busybox")
    return buffer.getvalue()


def write_node_images(folder: Path, *, pause: str) -> list[Path]:
    """Write the archives that every real node starts with."""
    layer = busybox_layer()
    commands = {BUSYBOX_IMAGE: ("/bin/sh",), pause: ("/bin/sleep", "2147483647")}
    paths = []
    for number, (name, command) in enumerate(commands.items()):
        paths.append(folder / f"image-{number}.tar")
        paths[-1].write_bytes(archive(name=name, layer=layer, command=command))
    return paths


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": _OCI + kind, "digest": _digest(blob), "size": len(blob)}


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            _add_file(tar, path, content=content)
    return buffer.getvalue()


def _add_file(tar: tarfile.TarFile, path: str, *, content: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def _add_folder(tar: tarfile.TarFile, path: str) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, WRITABLE_BY_ALL if path == "tmp" else 0o755
    tar.addfile(info)


def _add_link(tar: tarfile.TarFile, path: str, *, target: str) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)
