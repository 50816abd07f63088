"""The OCI archives that a real node starts with, checked against the image specification."""

import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from localcluster.images import archive

LAYER = b"a layer"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    content = archive(name="example.org/a:1", layer=LAYER, command=("/bin/sleep", "1"))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: member.read() for name, member in members.items() if member is not None}


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    found = files["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
    assert descriptor["size"] == len(found)
    return found


def test_every_blob_is_named_by_its_digest(files: dict[str, bytes]) -> None:
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/sha256/")}
    assert len(blobs) == 3
    assert all(name.endswith(hashlib.sha256(content).hexdigest()) for name, content in blobs.items())


def test_index_leads_to_manifest_config_and_layer(files: dict[str, bytes]) -> None:
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    entry = json.loads(files["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "example.org/a:1"
    manifest = json.loads(blob(files, entry))
    config = json.loads(blob(files, manifest["config"]))
    assert config["config"]["Cmd"] == ["/bin/sleep", "1"]
    assert blob(files, manifest["layers"][0]) == LAYER
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
