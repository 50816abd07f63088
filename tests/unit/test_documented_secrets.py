"""The command of docs/operations.md that lists the Secrets of a backup, tried on each way to name one."""

import json
import os
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.support.console import shown

pytestmark = pytest.mark.skipif(not which("jq"), reason="the page uses jq")

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def listed(spec: dict[str, Any], folder: Path) -> list[str]:
    """Output of the commands of the page about a backup with this one job."""
    commands = [each.command for each in shown(PAGE.read_text(encoding="utf-8"))]
    start = next(at for at, command in enumerate(commands) if command.startswith("by_text="))
    (folder / "backup.json").write_text(json.dumps({"items": [{"kind": "DkronJob", "spec": spec}]}), encoding="utf-8")
    script = "\n".join(commands[start : start + 4])
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def pod(**spec: Any) -> dict[str, Any]:
    """A job whose pods have this."""
    return {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": spec}}}}


def container(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "main", **fields}])


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        pytest.param({"executorConfig": {"password": "secretRef:one/key"}}, ["one"], id="a value of the executor"),
        pytest.param({"executorConfig": {"headers": '["A: secretRef:one/a", "B: secretRef:two/b"]'}}, ["one", "two"],
                     id="headers"),
        pytest.param(container(envFrom=[{"secretRef": {"name": "one"}}, {"configMapRef": {"name": "no"}}]), ["one"],
                     id="envFrom"),
        pytest.param(container(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}}]),
                     ["one"], id="env"),
        pytest.param(pod(volumes=[{"name": "v", "secret": {"secretName": "one"}}]), ["one"], id="a volume"),
        pytest.param(pod(volumes=[{"name": "v", "projected": {"sources": [{"secret": {"name": "one"}}]}}]), ["one"],
                     id="projected"),
        pytest.param(pod(volumes=[{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "one"}}}]),
                     ["one"], id="csi"),
        pytest.param(pod(imagePullSecrets=[{"name": "one"}, {"name": "two"}]), ["one", "two"], id="for the image"),
        pytest.param({"notifications": [{"urlFrom": {"secretKeyRef": {"name": "one", "key": "url"}}}]}, ["one"],
                     id="a DkronCluster"),
        pytest.param(container(command=["echo"], env=[{"name": "A", "value": "b"}]), [], id="none"),
    ],
)  # fmt: skip
def test_the_command_lists_every_secret(spec: dict[str, Any], found: list[str], tmp_path: Path) -> None:
    assert listed(spec, tmp_path) == found
