"""The published document against the running API: schemathesis makes requests of it, legal and illegal ones, and holds
every answer against what the document says. No 5xx, no code, header or body that is not described, nothing illegal
taken and nothing legal refused.

There is no operator, so jobs do not run: the executions are those that are put there first.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.schemas import OpenApiSchema

import localcluster
from dkron_kube.paths import DKRON_CLUSTERS
from tests.support.api_sites import ApiSite, api_site
from tests.support.documents import installation
from tests.support.examples import examples
from tests.support.jobs import dkron_job
from tests.support.sites import install

pytestmark = pytest.mark.cluster(nodes="none")

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "tests" / "support" / "described_api.toml"
PROBLEM = "application/problem+json"
EXECUTION = {
    "id": "1767369600123456000-kept-run",
    "job": "kept-run",
    "slot": "2026-01-02T16:00:00Z",
    "trigger": "schedule",
    "group": 1767369600000000000,
    "attempt": 1,
    "startedAt": "2026-01-02T16:00:00.123456Z",
}
HISTORY = {
    "executions": [
        {
            **EXECUTION, "finishedAt": "2026-01-02T16:00:05.2Z", "state": "Failed", "exitCode": 3, "reason": "Error",
            "nodeName": "n1", "output": "half of it\n", "outputTruncated": True,
        },
    ],
    "active": [
        {**EXECUTION, "id": "1767369600123456000-kept-retry", "job": "kept-retry", "attempt": 2, "state": "Running",
         "uid": "u"},
    ],
    "errorCount": 1,
    "lastError": "2026-01-02T16:00:05.2Z",
    "status": "failed",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiSite]:
    """An API that no other client asks. Nothing ends a run, so it waits for none for long."""
    install(cluster)
    folder = tmp_path_factory.mktemp("schemathesis")
    with api_site(cluster.kubeconfig, "--max-wait", "0.2", purpose="schemathesis", folder=folder) as own:
        own.kube.create(DKRON_CLUSTERS, installation())
        yield own


@pytest.fixture
def api(site: ApiSite) -> Iterator[ApiSite]:
    """The same; in each test it must not complain."""
    mark = site.api.mark()
    yield site
    site.api.check()
    site.api.assert_clean(mark)


@dataclass(frozen=True, slots=True)
class Phase:
    """A way of schemathesis to find requests: how many examples for each operation, and how many it finds at least."""

    name: str
    examples: int
    requests: int


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(Phase("examples", examples=1, requests=40), id="the examples of the document"),
        pytest.param(Phase("coverage", examples=1, requests=1000), id="every boundary of every field"),
        pytest.param(Phase("fuzzing", examples=examples(40), requests=200), id="random requests"),
        pytest.param(
            Phase("stateful", examples=examples(200), requests=40), id="chains of requests along links and locations"
        ),
    ],
)
def test_api_behaves_as_its_document_says(phase: Phase, api: ApiSite, tmp_path: Path) -> None:
    keep_history(api)
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", "--no-color"]
    options = ["--phases", phase.name, "--max-examples", str(phase.examples), f"{api.api.url}/openapi.json"]
    done = subprocess.run(
        [*program, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout
    assert int(generated[1]) >= phase.requests, done.stdout


@pytest.fixture(scope="module")
def document(site: ApiSite) -> OpenApiSchema:
    """The document as it is published."""
    return schemathesis.openapi.from_url(f"{site.api.url}/openapi.json")


Part = dict[str, Any]


def test_refusal_during_a_pause_matches_the_schema(document: OpenApiSchema, api: ApiSite) -> None:
    assert api.rest.post("/v1/pause").json() == {"paused": True}
    try:
        response = ask(document, "createOrUpdateJob", [not_a_server_error], body={"name": "late", "schedule": "@daily"})
    finally:
        assert api.rest.post("/v1/unpause").json() == {"paused": False}
    assert response.status_code == 503


@pytest.mark.parametrize(
    ("operation", "parts", "status"),
    [
        pytest.param("showJobByName", {"path_parameters": {"job_name": "missing"}}, 404, id="a missing job"),
        pytest.param("runJob", {"path_parameters": {"job_name": "missing"}}, 404, id="a run of a missing job"),
        pytest.param("createOrUpdateJob", {"body": {"name": "BAD", "schedule": "@daily"}}, 400, id="a bad name"),
        pytest.param("createOrUpdateJob", {"body": {"name": "x", "parent_job": "missing"}}, 404, id="no parent"),
        pytest.param("previewSchedule", {"body": {"schedule": "never"}}, 400, id="a schedule that is none"),
        pytest.param("pause", {"headers": {"Origin": "https://elsewhere.example"}}, 403, id="a page of another origin"),
        pytest.param(
            "toggleJob", {"path_parameters": {"job_name": "kept"}, "headers": {"If-Match": '"1"'}}, 412, id="an old tag"
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accepted", ["*/*", PROBLEM])
def test_error_matches_the_schema_as_text_and_as_problem(
    operation: str, parts: Part, status: int, *, accepted: str, document: OpenApiSchema, api: ApiSite
) -> None:
    keep_history(api)
    response = ask(document, operation, **{**parts, "headers": {**parts.get("headers", {}), "Accept": accepted}})
    assert response.status_code == status
    assert response.headers["content-type"][0].startswith(PROBLEM if accepted == PROBLEM else "text/plain")


def test_a_job_that_has_not_changed_is_described(document: OpenApiSchema, api: ApiSite) -> None:
    keep_history(api)
    tag = api.rest.get("/v1/jobs/kept").header("ETag")
    response = ask(document, "showJobByName", path_parameters={"job_name": "kept"}, headers={"If-None-Match": str(tag)})
    assert response.status_code == 304


def ask(
    document: OpenApiSchema, operation_id: str, without: Sequence[CheckFunction] = (), **parts: Any
) -> schemathesis.Response:
    """Make the request, and hold the answer against the document by all checks but these."""
    case: schemathesis.Case[Any] = document.find_operation_by_id(operation_id).Case(**parts)
    response = case.call()
    case.validate_response(response, excluded_checks=list(without))
    return response


def keep_history(api: ApiSite) -> None:
    """A job with an execution that ended and one that runs, also after a test has deleted or cleared it."""
    if api.rest.get("/v1/jobs/kept").status == 404:
        api.store(dkron_job("kept", timezone="America/New_York"), HISTORY)
    else:
        api.write_status("kept", **HISTORY)
