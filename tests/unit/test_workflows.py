"""A forge runs the project's own targets, with few rights, from actions that no other project can change."""

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charttools import programs
from localcluster import versions
from release import parts

ROOT = Path(__file__).parents[2]
FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").iterdir())
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = {*re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE)}
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
Job = dict[str, Any]


def jobs() -> Iterator[tuple[str, Job]]:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items():
            yield f"{path.stem}: {name}", job


def commands(job: Job) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


ALL = [pytest.param(job, id=name) for name, job in jobs()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_rights_set_by_job(path: Path) -> None:
    text = path.read_text("utf-8")
    used = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    assert yaml.safe_load(text)["permissions"] == {}
    assert {*re.findall(r"secrets\.(\w+)", text)} <= {"GITHUB_TOKEN"}


def test_an_action_has_one_version() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (\S+)", path.read_text("utf-8"))}
    assert len({each.partition("@")[0] for each in used}) == len(used)


@pytest.mark.parametrize("job", ALL)
def test_workflow_job_ends_and_runs_existing_targets(job: Job) -> None:
    assert job["timeout-minutes"]
    assert "permissions" in job
    text = commands(job)
    assert {*re.findall(r"\bmake ([a-z][a-z0-9-]*)", text)} <= TARGETS
    assert [path for path in re.findall(r"^\.[\w/.-]+", text, re.MULTILINE) if not (ROOT / path).exists()] == []
    # An expression in a command is code to a user who may choose its value; the environment is not.
    assert "${{" not in text
    calls = re.findall(r"\bmake [a-z-]+(.*)", text)
    given = {word for call in calls for word in re.findall(r"([A-Z_]+)=", call)}
    assert [word for word in given if f"$({word})" not in MAKEFILE] == []


@pytest.mark.parametrize("job", ALL)
def test_publishing_job_runs_no_code_of_the_checkout(job: Job) -> None:
    if "write" not in job["permissions"].values():
        return
    assert "actions/checkout" not in str(job["steps"])
    assert not re.search(r"\b(make|pip|python)\b", commands(job))


def nightly() -> dict[str, Job]:
    made: dict[str, Job] = yaml.safe_load((FORGE / "workflows" / "nightly.yaml").read_text("utf-8"))["jobs"]
    return made


def test_a_hundred_thousand_seeds_are_split_over_jobs() -> None:
    job = nightly()["seeds"]
    shards, text = job["strategy"]["matrix"]["shard"], commands(job)
    (each,) = {int(number) for number in re.findall(r"SEEDS=(\d+)", text)}
    assert shards == list(range(len(shards)))
    assert len(shards) * each == 100_000
    assert f"SHARD * {each}" in text
    assert "NIGHT * 100000" in text
    # The exit code is make's, and not the one of the program that writes its output down.
    assert next(step for step in job["steps"] if "run" in step)["shell"] == "bash"


@pytest.mark.parametrize("name", [name for name in nightly() if name != "matrix"])
def test_failed_nightly_job_uploads_its_artifacts(name: str) -> None:
    job = nightly()[name]
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "failure()"
    for folder in re.findall(r"FOLDER=(\S+)", commands(job)):
        assert upload["with"]["path"] == folder
    for dimension in job.get("strategy", {}).get("matrix", ()):
        assert f"${{{{ matrix.{dimension} }}}}" in upload["with"]["name"], "two of one name cannot be uploaded"


def test_release_publishes_what_make_release_builds() -> None:
    names = {"crds.yaml", "krew-dkron.yaml", "release-notes.md", "SHA256SUMS"}
    release = yaml.safe_load((FORGE / "workflows" / "release.yaml").read_text("utf-8"))["jobs"]
    assert 'make release TAG="$GITHUB_REF_NAME"' in commands(release["build"])
    published = "".join(commands(job) for name, job in release.items() if name != "build")
    assert set(re.findall(r"dist/([\w.-]+\.(?:md|yaml))", published)) <= names


# --- known vulnerabilities, and updates ------------------------------------------------------------------------------


def recipe(target: str) -> str:
    """The commands of a target."""
    return MAKEFILE.partition(f"\n{target}:")[2].partition("\n\n")[0]


def test_each_change_is_audited_but_the_ci_chain_is_not() -> None:
    assert "make audit" in commands(dict(jobs())["ci: audit"])
    assert "audit" not in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "pip-audit --strict " in recipe("audit"), "else a package that PyPI does not know counts as good"
    assert "npm audit" in recipe("audit")
    assert MAKEFILE.count("$(wildcard requirements/*.txt)") == 1


LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SUPPORTED = {
    "--universal", "--generate-hashes", "--python-version", "--extra", "--group", "--constraints", "--output-file",
}  # fmt: skip
"""Options of uv that Renovate passes on. Each value follows an equal sign."""


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_lock_file_tells_renovate_how_to_rebuild_it(path: Path) -> None:
    (pattern,) = RENOVATE["pip-compile"]["managerFilePatterns"]
    name = str(path.relative_to(ROOT))
    if path.stem == "clients":
        assert re.search(pattern.strip("/"), name) is None, "clients of others stay as they are"
        return
    assert re.search(pattern.strip("/"), name)
    header = re.match(r"(#.*\n)+#    uv pip compile (?P<options>.*)\n", path.read_text("utf-8"))
    assert header, "uv writes its command there, without --no-header"
    words = header["options"].split()
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= SUPPORTED
    assert words[:3] == ["--universal", "--generate-hashes", "--python-version=3.11"]
    assert f"$(LOCK) {' '.join(words[3:])}\n" in MAKEFILE


RENOVATE = json.loads((FORGE / "renovate.json").read_text("utf-8"))


def updated_by_pattern() -> dict[str, set[str]]:
    """What Renovate finds with expressions of ours: versions by the name of the package."""
    found: dict[str, set[str]] = {}
    for manager in RENOVATE["customManagers"]:
        (expression,) = (each.replace("(?<", "(?P<") for each in manager["matchStrings"])
        others = ("operator/dkron_operator/settings.py", "charts/dkron-operator/values.yaml")
        files = [*(ROOT / "hack").rglob("*.py"), *(ROOT / each for each in others)]
        patterns = [each.strip("/") for each in manager["managerFilePatterns"]]
        for path in files:
            if any(re.search(each, str(path.relative_to(ROOT))) for each in patterns):
                for match in re.finditer(expression, path.read_text("utf-8")):
                    found.setdefault(match["depName"], set()).add(match["currentValue"])
    return found


def test_renovate_finds_the_tools_and_images() -> None:
    assert updated_by_pattern() == {
        "busybox": {"1.36"},
        "sigs.k8s.io/kwok": {versions.KWOK},
        "github.com/coredns/coredns": {versions.COREDNS},
        "sigs.k8s.io/kind": {versions.KIND},
        "helm.sh/helm/v4": {programs.HELM},
        "helm.sh/helm/v3": {programs.HELM_OLD},
        "github.com/helm-unittest/helm-unittest": {programs.UNITTEST},
        "github.com/yannh/kubeconform": {programs.KUBECONFORM},
        "github.com/norwoodj/helm-docs": {programs.HELM_DOCS},
        "sigs.k8s.io/kueue": {versions.KUEUE},
        "github.com/cert-manager/cert-manager": {versions.CERT_MANAGER},
    }


# --- the chart of a release ------------------------------------------------------------------------------------------

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
PACK = """#!/bin/sh
tar --create --gzip --file "$4/dkron-operator-1.2.3.tgz" --directory "$(dirname "$2")" dkron-operator
"""
"""`helm package FOLDER --destination FOLDER`."""


def test_a_released_chart_names_its_image_by_digest(tmp_path: Path) -> None:
    release = yaml.safe_load((FORGE / "workflows" / "release.yaml").read_text("utf-8"))
    (step,) = (each for each in release["jobs"]["registry"]["steps"] if "by its digest" in each.get("name", ""))
    dist, tools = tmp_path / "dist", tmp_path / "bin"
    dist.mkdir()
    tools.mkdir()
    (tools / "helm").write_text(PACK, encoding="utf-8")
    (tools / "helm").chmod(0o755)
    with tarfile.open(dist / "dkron-operator-1.2.3.tgz", "w:gz") as packed:
        packed.add(ROOT / "charts" / "dkron-operator", "dkron-operator")
    (dist / "crds.yaml").write_text("kinds", encoding="utf-8")
    parts.write_sums(dist, dist.iterdir())
    variables = {"PATH": f"{tools}:{os.environ['PATH']}", "IMAGE_DIGEST": DIGEST, "IMAGE": release["env"]["IMAGE"]}
    command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with tarfile.open(dist / "dkron-operator-1.2.3.tgz") as packed:
        content = packed.extractfile("dkron-operator/Chart.yaml")
        assert content is not None
        chart = yaml.safe_load(content.read())
    assert chart["annotations"]["dkron.io/image"] == f"{release['env']['IMAGE']}@{DIGEST}"
    listed = dict(line.split()[::-1] for line in (dist / parts.SUMS).read_text("utf-8").splitlines())
    assert listed == {path.name: parts.digest(path) for path in dist.iterdir() if path.name != parts.SUMS}
