"""What a forge runs: the project's own targets, with few rights, from actions that nobody can change."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_there_is_one_for_changes_nights_and_releases_and_each_file_can_be_read() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yaml", "nightly.yaml", "release.yaml"]
    files = [path for path in FORGE.rglob("*") if path.suffix in {".yaml", ".yml", ".json"}]
    assert [path for path in files if not yaml.safe_load(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_rights_are_given_by_job(path: Path) -> None:
    text = path.read_text("utf-8")
    used = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    assert yaml.safe_load(text)["permissions"] == {}
    assert {*re.findall(r"secrets\.(\w+)", text)} <= {"GITHUB_TOKEN"}


def test_an_action_has_one_version() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (\S+)", path.read_text("utf-8"))}
    assert len({each.partition("@")[0] for each in used}) == len(used)


@pytest.mark.parametrize("job", ALL)
def test_a_job_ends_and_runs_what_is_there(job: Job) -> None:
    assert job["timeout-minutes"]
    assert "permissions" in job
    text = commands(job)
    assert {*re.findall(r"\bmake ([a-z][a-z0-9-]*)", text)} <= TARGETS
    assert [path for path in re.findall(r"^\.[\w/.-]+", text, re.MULTILINE) if not (ROOT / path).exists()] == []
    # An expression in a command is code to whoever may choose its value; the environment is not.
    assert "${{" not in text
    calls = re.findall(r"\bmake [a-z-]+(.*)", text)
    given = {word for call in calls for word in re.findall(r"([A-Z_]+)=", call)}
    assert [word for word in given if f"$({word})" not in MAKEFILE] == []


@pytest.mark.parametrize("job", ALL)
def test_who_may_publish_runs_nothing_of_the_checkout(job: Job) -> None:
    if "write" not in job["permissions"].values():
        return
    assert "actions/checkout" not in str(job["steps"])
    assert not re.search(r"\b(make|pip|python)\b", commands(job))


def nightly() -> dict[str, Job]:
    made: dict[str, Job] = yaml.safe_load((FORGE / "workflows" / "nightly.yaml").read_text("utf-8"))["jobs"]
    return made


def test_slow_proofs_run_by_night() -> None:
    ran = {name: re.findall(r"\bmake ([a-z-]+)", commands(job)) for name, job in nightly().items()}
    assert ran == {
        "matrix": ["matrix"], "deaths": ["chaos-writes"], "storms": ["chaos"], "outages": ["chaos-outages"],
        "seeds": ["simulate"], "examples": ["test-unit"], "mutants": ["mutants"], "cert-manager": ["test-cert-manager"],
    }  # fmt: skip
    assert "DURATION=10m" in commands(nightly()["storms"])
    assert "SEED=" not in commands(nightly()["storms"]), "another storm each time"
    assert nightly()["storms"]["strategy"]["matrix"]["brains"] == ["one", "split"]
    for name in ("matrix", "examples"):
        (run,) = [step for step in nightly()[name]["steps"] if "run" in step]
        assert run["env"] == {"HYPOTHESIS_PROFILE": "fresh"}


def test_a_hundred_thousand_seeds_are_split_over_jobs() -> None:
    job = nightly()["seeds"]
    shards, text = job["strategy"]["matrix"]["shard"], commands(job)
    (each,) = {int(number) for number in re.findall(r"SEEDS=(\d+)", text)}
    assert shards == list(range(len(shards)))
    assert len(shards) * each == 100_000
    assert f"SHARD * {each}" in text
    assert "NIGHT * 100000" in text
    # The exit code is that of make, and not that of what writes its output down.
    assert next(step for step in job["steps"] if "run" in step)["shell"] == "bash"


@pytest.mark.parametrize("name", [name for name in nightly() if name != "matrix"])
def test_a_failure_of_the_night_uploads_what_happened(name: str) -> None:
    job = nightly()[name]
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "failure()"
    for folder in re.findall(r"FOLDER=(\S+)", commands(job)):
        assert upload["with"]["path"] == folder
    for dimension in job.get("strategy", {}).get("matrix", ()):
        assert f"${{{{ matrix.{dimension} }}}}" in upload["with"]["name"], "two of one name cannot be uploaded"


def test_a_release_takes_what_make_release_builds() -> None:
    names = {"crds.yaml", "krew-dkron.yaml", "release-notes.md", "SHA256SUMS"}
    release = yaml.safe_load((FORGE / "workflows" / "release.yaml").read_text("utf-8"))["jobs"]
    assert 'make release TAG="$GITHUB_REF_NAME"' in commands(release["build"])
    published = "".join(commands(job) for name, job in release.items() if name != "build")
    assert set(re.findall(r"dist/([\w.-]+\.(?:md|yaml))", published)) <= names
