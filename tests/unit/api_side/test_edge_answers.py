"""Headers of all answers, and lines of the logs, for any caller and route."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from yarl import URL

from dkron_api.app import routes
from dkron_api.auth.guard import Guard
from dkron_api.edge.keys import CLUSTERS
from dkron_api.settings import Settings
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, running_api
from tests.support.api_callers import JOB, VALID, OneCaller
from tests.support.builders import wire_job

X_TOKEN = {"X-Dkron-Token": VALID["Authorization"].partition(" ")[2]}
LOGGERS = ("dkron_api.audit", "dkron_api.access")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(routes(Settings()), guard=Guard([OneCaller()]), access_log=True) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(name="backup")))
        running.know(CLUSTERS)
        yield running


async def test_lines_of_the_logs_are_short(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    paths = ("/v1/nowhere/{}", "/v1/jobs/{}/toggle", "/v1/jobs?q={}")
    for path, letter, headers in product(paths, ("a", "%01", "%22", "%F0%9F%98%80"), (VALID, {})):
        long = URL(path.format(letter * (7000 // len(letter))), encoded=True)
        async with api.client.post(long, headers=headers) as answer:
            assert answer.status in (400, 401, 404)
    async with api.client.post("/v1/jobs/backup/toggle", headers=VALID) as answer:
        assert answer.status == 200
    lines = [line for line in capfd.readouterr().err.splitlines() if any(name in line for name in LOGGERS)]
    assert max(map(len, lines)) < 2 * 4096 + 1024, "a path and the name in it, escaped twice at most"
    assert json.loads(lines[-2])["msg"] == "POST /v1/jobs/backup/toggle allowed"


@dataclass(frozen=True)
class Answer:
    about: str
    path: str
    caching: str
    headers: dict[str, str]


@pytest.mark.parametrize("case", [
    Answer("a list", "/v1/jobs", "private, no-cache", VALID),
    Answer("a token that is no Authorization", "/v1/jobs/backup", "private, no-cache", X_TOKEN),
    Answer("what is not there", "/v1/jobs/none", "private, no-cache", VALID),
    Answer("a header of its own", "/v1/whoami", "no-store", VALID),
    Answer("a page", "/ui/", "no-cache", {}),
], ids=lambda case: case.about)  # fmt: skip
async def test_shared_caches_keep_no_answer(api: Api, case: Answer) -> None:
    async with api.client.get(case.path, headers=case.headers) as answer:
        assert answer.headers["Cache-Control"] == case.caching
        tag = answer.headers.get("ETag")
    if tag:
        async with api.client.get(case.path, headers={**case.headers, "If-None-Match": tag}) as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (304, case.caching)


@dataclass(frozen=True)
class Refused:
    about: str
    headers: dict[str, str]
    status: int
    text: str = ""
    path: str = "/v1/jobs/backup"


ENCODED = "a request must not have a Content-Encoding; send its body as it is"


@pytest.mark.parametrize("case", [
    Refused("a packed body", {**VALID, "Content-Encoding": "gzip"}, 415, ENCODED),
    Refused("an unknown coding", {**VALID, "Content-Encoding": "rot13"}, 415, ENCODED),
    Refused("no coding", {**VALID, "Content-Encoding": " Identity"}, 200),
    Refused("without a token", {"Content-Encoding": "gzip"}, 401),
    Refused("a probe", {"Content-Encoding": "gzip"}, 200, path="/livez"),
    Refused("an expectation that is met", {**VALID, "Expect": "100-continue"}, 200),
    Refused("an unknown expectation", {**VALID, "Expect": "more"}, 417, "Unknown Expect: more"),
], ids=lambda case: case.about)  # fmt: skip
async def test_what_no_route_can_read_is_refused(api: Api, case: Refused) -> None:
    async with api.client.get(case.path, headers=case.headers) as answer:
        assert (answer.status, answer.headers["X-Request-Id"] != "") == (case.status, True)
        assert not case.text or await answer.text() == case.text


async def test_a_body_is_parsed_for_callers_with_the_right(api: Api) -> None:
    async with api.client.put("/v1/jobs/backup", data="{", headers=VALID) as answer:
        assert (answer.status, "cannot be parsed" in await answer.text()) == (400, True)
    async with running_api(routes(Settings()), guard=Guard([OneCaller(allowed="get")])) as limited:
        limited.know_jobs()
        limited.know(CLUSTERS)
        async with limited.client.put("/v1/jobs/backup", data="{", headers=VALID) as answer:
            assert (answer.status, await answer.text()) == (
                403, 'ci may not create or update dkronjobs "backup" in namespace default',
            )  # fmt: skip


@pytest.mark.parametrize(("headers", "name"), [(VALID, "ci"), ({}, "127.0.0.1")], ids=["a caller", "an address"])
async def test_a_large_body_takes_many_requests(headers: dict[str, str], name: str) -> None:
    guard = Guard([OneCaller()] if headers else [])
    async with running_api(routes(Settings()), guard=guard, rate=100.0) as api:
        api.know_jobs()
        for status in (400, 429):
            async with api.client.post("/v1/schedule/preview", data=" " * 2**19, headers=headers) as answer:
                assert (answer.status, text := await answer.text()) == (status, text)
        assert answer.headers["Retry-After"] == "4"
        assert text.startswith(f"{name} sends more than 100 requests per second")


async def test_a_large_job_that_is_saved_takes_one_request() -> None:
    async with running_api(routes(Settings()), guard=Guard([OneCaller()]), rate=2.0) as api:
        api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(name="backup")))
        api.know(CLUSTERS)
        for letter in "abcd":
            job = JOB | {"executor_config": {"command": "true", "payload": letter * 60_000}}
            async with api.client.post("/v1/jobs", json=job, headers=VALID) as answer:
                assert answer.status == 201, await answer.text()


@pytest.mark.parametrize(("tls", "told"), [(None, None), (Path("tls.crt"), "max-age=31536000")])
async def test_browsers_stay_with_https(tls: Path | None, told: str | None) -> None:
    async with running_api(routes(Settings()), tls_cert=tls) as api:
        for path in ("/livez", "/v1/jobs", "/nowhere"):
            async with api.client.get(path) as answer:
                assert answer.headers.get("Strict-Transport-Security") == told
