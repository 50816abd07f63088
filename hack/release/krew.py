"""The manifest by which krew installs `kubectl dkron`: an archive for each platform, with its checksum."""

from collections.abc import Mapping
from typing import Any

import yaml

from release.single_file import PROGRAM

HOME = "https://dkron-operator.github.io/dkron-operator/cli/"
PAGE = "https://github.com/dkron-operator/dkron-operator/releases/download"


def manifest(version: str, archives: Mapping[str, tuple[str, str]], *, semantic: str) -> str:
    """Return the manifest. `archives` has the file and its SHA-256 by platform, such as linux-amd64; `semantic` is the
    version as krew reads it."""
    plugin = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "dkron"},
        "spec": {
            "version": f"v{semantic}",
            "homepage": HOME,
            "shortDescription": "Run, watch and migrate jobs of dkron-operator",
            "description": "Shows, runs, stops, explains and moves DkronJobs, by kubeconfig or by Dkron's REST API.\n",
            "caveats": "It needs Python 3.11 to 3.14 on the PATH, and unpacks itself below ~/.cache once.\n",
            "platforms": [_platform(platform, version, *archive) for platform, archive in archives.items()],
        },
    }
    return yaml.safe_dump(plugin, sort_keys=False, allow_unicode=True, width=120)


def _platform(platform: str, version: str, file: str, digest: str) -> dict[str, Any]:
    system, architecture = platform.split("-")
    return {
        "selector": {"matchLabels": {"os": system, "arch": architecture}},
        "uri": f"{PAGE}/v{version}/{file}",
        "sha256": digest,
        "bin": PROGRAM,
    }
