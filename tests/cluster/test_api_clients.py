"""Clients of Dkron that others wrote work unchanged: the packages `dkron` and `pydkron`, as they were published."""

import json

import pytest

from tests.support.api_sites import ApiSite
from tests.support.foreign_clients import ForeignPython, foreign_python

__all__ = ["foreign_python"]

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.timeout(600)]


def test_the_package_dkron_does_all_that_it_can(api_beside: ApiSite, foreign_python: ForeignPython) -> None:
    seen = foreign_python.drive("drive_dkron.py", api_beside.api.url)
    assert seen["status"]["agent"]["name"] == "replica-a"
    assert [seen["created"]["id"], seen["again"]["owner"], seen["job"]["owner"]] == ["of-dkron", "me", "me"]
    assert "of-dkron" in seen["jobs"]
    assert seen["run"]["name"] == "of-dkron"
    assert isinstance(seen["executions"], list)
    assert seen["deleted"]["name"] == "of-dkron"
    assert "404" in seen["missing"]
    assert "illegal character" in seen["refused"]


def test_the_command_line_of_dkron_applies_a_file(
    api_beside: ApiSite, foreign_python: ForeignPython, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job = {"name": "by-file", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "date"}}
    file = tmp_path_factory.mktemp("job") / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    foreign_python.command("dkron-cli", "--hosts", api_beside.api.url, "apply", "job", str(file))
    shown = json.loads(foreign_python.command("dkron-cli", "--hosts", api_beside.api.url, "get", "job", "by-file"))
    assert shown["executor_config"] == {"command": "date"}


def test_the_package_pydkron_does_all_that_it_can(api_beside: ApiSite, foreign_python: ForeignPython) -> None:
    seen = foreign_python.drive("drive_pydkron.py", api_beside.api.url.removeprefix("http://"))
    assert seen["created"]["name"] == "of_pydkron"
    assert "of_pydkron" in seen["jobs"]
    assert seen["run"]["name"] == "of_pydkron"
    assert any(execution["success"] for execution in seen["executions"]), seen["executions"]
    assert seen["toggled"]["disabled"] is True
    assert seen["disabled"] is True
    assert seen["deleted"]["name"] == "of_pydkron"
    assert "not found" in seen["missing"]
