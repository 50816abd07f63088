"""Others write to Kubernetes, or through the REST API at the same time: their work shows, and none is lost."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS
from tests.support.api_sites import ApiSite, api_for
from tests.support.jobs import dkron_job
from tests.support.kube import Object
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, shown, until

pytestmark = pytest.mark.cluster(nodes="kwok")


def test_a_job_that_kubectl_creates_changes_and_deletes_is_followed(shared_api: ApiSite) -> None:
    path = "/v1/jobs/followed"
    shared_api.kube.apply(dkron_job("followed"))
    until(shared_api, path, lambda answer: answer.status == 200)
    shared_api.kube.edit("followed", owner="Ann")
    until(shared_api, path, lambda answer: answer.json()["owner"] == "Ann")
    shared_api.kube.delete(DKRON_JOBS, "followed")
    until(shared_api, path, lambda answer: answer.status == 404)


def test_a_dkron_name_that_is_no_object_name_is_kept_in_the_spec(shared_api: ApiSite) -> None:
    save(shared_api, "with_underscore")
    stored = shared_api.kube.get(DKRON_JOBS, object_name("with_underscore"))
    assert stored["spec"]["name"] == "with_underscore"


def test_of_two_objects_with_one_name_the_older_is_shown_and_written(shared_api: ApiSite) -> None:
    for name, owner in (("twin-old", "old"), ("twin-young", "young")):
        shared_api.kube.create(DKRON_JOBS, dkron_job(name, name="twin", owner=owner), fieldManager="kubectl-create")
    # Creation times have whole seconds; of two of the same second one has to be older all the same.
    first = until(shared_api, "/v1/jobs/twin", lambda answer: answer.status == 200).json()["owner"]
    save(shared_api, "twin", retries=5, owner=first)
    owners = {name: shared_api.kube.get(DKRON_JOBS, name)["spec"].get("retries") for name in ("twin-old", "twin-young")}
    assert sorted(owners.values(), key=str) == [0, 5]
    assert len(shared_api.rest.get("/v1/jobs?q=twin").json()) == 1


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"schedule": "nonsense"}, id="a schedule that nobody can read"),
        pytest.param({"schedule": "@daily", "timezone": "Nowhere/Here"}, id="a time zone that nobody knows"),
        pytest.param({"schedule": "TZ=Nowhere @daily"}, id="a zone in the schedule that nobody knows"),
        pytest.param({"parentJob": "missing-parent", "schedule": ""}, id="a parent that is missing"),
    ],
)
def test_a_job_that_rest_would_refuse_is_shown_all_the_same(shared_api: ApiSite, spec: Object) -> None:
    name = f"odd-{hashlib.sha256(repr(spec).encode()).hexdigest()[:6]}"
    shared_api.store(dkron_job(name, **spec))
    assert shown(shared_api, name)["next"] == "0001-01-01T00:00:00Z"
    for query in (f"q={name}", f"q={name}&_sort=next", f"q={name}&_sort=next&_order=DESC"):
        assert [job["name"] for job in shared_api.rest.get(f"/v1/jobs?{query}").json()] == [name]
    assert shared_api.rest.get(f"/v1/jobs/{name}/executions").json() == []
    assert shared_api.rest.post(f"/v1/jobs/{name}/toggle").status == 200
    assert shared_api.rest.delete(f"/v1/jobs/{name}").status == 200


def test_a_job_in_a_circle_that_kubectl_made_is_shown_and_can_be_mended(shared_api: ApiSite) -> None:
    shared_api.store(dkron_job("ring-a", schedule="", parentJob="ring-b"))
    shared_api.store(dkron_job("ring-b", schedule="", parentJob="ring-a"))
    assert [job["dependent_jobs"] for job in shared_api.rest.get("/v1/jobs?q=ring").json()] == [["ring-b"], ["ring-a"]]
    save(shared_api, "ring-a")
    assert shown(shared_api, "ring-a")["dependent_jobs"] == ["ring-b"]


def at_once(site: ApiSite, requests: list[tuple[str, str, Any]]) -> list[Answer]:
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: site.rest.request(*request), requests))


def test_twenty_people_create_the_same_job(shared_api: ApiSite) -> None:
    owners = [f"person-{number}" for number in range(20)]
    answers = at_once(shared_api, [("POST", "/v1/jobs", body("crowded", owner=owner)) for owner in owners])
    assert {answer.status for answer in answers} <= {201, 409}, [str(answer) for answer in answers]
    assert [answer.status for answer in answers].count(201) >= 10
    assert shown(shared_api, "crowded")["owner"] in owners
    assert len(shared_api.rest.get("/v1/jobs?q=crowded").json()) == 1


def test_each_toggle_counts_once(shared_api: ApiSite) -> None:
    save(shared_api, "toggled")
    answers = at_once(shared_api, [("POST", "/v1/jobs/toggled/toggle", None)] * 4)
    flips = [answer.status for answer in answers].count(200)
    assert flips >= 1
    assert shown(shared_api, "toggled")["disabled"] is bool(flips % 2)


def test_edits_get_through_while_the_status_is_written_all_the_time(shared_api: ApiSite) -> None:
    save(shared_api, "restless")

    def write_status(count: int) -> None:
        shared_api.kube.write_status("restless", successCount=count)

    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(write_status, count) for count in range(60)]
        answers = [shared_api.rest.put("/v1/jobs/restless", body("restless", retries=n)) for n in range(1, 21)]
        for write in writes:
            write.result()
    assert [answer.status for answer in answers] == [201] * 20, [str(answer) for answer in answers]
    assert shown(shared_api, "restless")["retries"] == 20


def test_children_made_at_once_are_all_listed(shared_api: ApiSite) -> None:
    save(shared_api, "many-parent")
    children = [f"many-kid-{number:02}" for number in range(20)]
    bodies = [body(name, parent_job="many-parent") for name in children]
    answers = at_once(shared_api, [("POST", "/v1/jobs", each) for each in bodies])
    assert {answer.status for answer in answers} == {201}
    assert sorted(shown(shared_api, "many-parent")["dependent_jobs"]) == children


@pytest.fixture
def second_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a second process has its log."""
    return tmp_path_factory.mktemp("second")


def test_what_one_writes_the_other_shows_and_both_pause(own_api: ApiSite, second_folder: Path) -> None:
    with api_for(own_api.kube, second_folder) as second:
        save(own_api, "shared")
        until(second, "/v1/jobs/shared", lambda answer: answer.status == 200)
        assert own_api.rest.post("/v1/pause").json() == {"paused": True}
        until(second, "/v1/pause", lambda answer: answer.json()["paused"])
        assert second.rest.post("/v1/jobs", body("refused")).status == 503
        assert second.rest.post("/v1/unpause").json() == {"paused": False}
        until(own_api, "/v1/pause", lambda answer: not answer.json()["paused"])


def test_the_second_writes_over_what_it_has_not_seen_yet(own_api: ApiSite, second_folder: Path) -> None:
    with api_for(own_api.kube, second_folder) as second:
        for round_ in range(10):
            save(own_api, "turns", retries=2 * round_)
            save(second, "turns", retries=2 * round_ + 1)
        assert own_api.kube.get(DKRON_JOBS, "turns")["spec"]["retries"] == 19


def test_a_pause_survives_a_restart(own_api: ApiSite) -> None:
    assert own_api.rest.post("/v1/pause").status == 200
    assert own_api.kube.get(DKRON_CLUSTERS, "dkron")["spec"]["paused"] is True
    own_api.api.stop()
    own_api.api.start()
    again = ApiSite(own_api.kube, own_api.api, own_api.api.rest)
    again.wait_all_read()
    assert again.rest.get("/v1/pause").json() == {"paused": True}
