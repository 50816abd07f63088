"""All custom resource definitions in one file, for `kubectl apply --server-side -f crds.yaml`."""

from pathlib import Path


def bundle(folder: Path) -> str:
    """The manifests of a folder, one document after the other, in the order of their names."""
    manifests = sorted(folder.glob("*.yaml"))
    return "".join(
        f"---\n{manifest.read_text(encoding='utf-8').removeprefix('---').strip()}\n" for manifest in manifests
    )
