"""What pods tell of executions: all of the output, and where it runs; and what is shown when they cannot be asked."""

import asyncio
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from dkron_api.jobs import pods as pods_module
from dkron_api.jobs.pods import OUTPUT
from dkron_api.routes import executions
from dkron_api.routes.openapi import document
from dkron_api.settings import Settings
from dkron_crds.job import JobStatus
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_JOBS, PODS
from tests.support.api_app import Api, running_api
from tests.support.builders import NAME, after, claim, execution, of_job, seen, terminated, wire_job, wire_pod

ROUTES = (executions.ROUTES,)
OVER, RUNNING = claim(), seen(claim(after(60)))
BEGUN = {"job": {"running": {"startedAt": "2026-03-01T12:00:01Z"}}}
ENDED = {"job": terminated(0)}


def has(api: Api, status: JobStatus, *pods: tuple[str, dict[str, Any]]) -> None:
    api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(status=status)))
    for job, pod in pods:
        api.kube.put(PODS, of_job(pod, job))


async def shown(api: Api, execution_id: str) -> dict[str, Any]:
    answer = await api.client.get(f"/v1/jobs/{NAME}/executions/{execution_id}")
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


def ended(**fields: Any) -> JobStatus:
    kept: dict[str, Any] = {"output": "end\n", "output_truncated": True, **fields}
    return JobStatus(executions=(execution(OVER, **kept),))


class TestTheOutputOfOne:
    async def test_output_has_all_that_dkron_keeps_while_the_pod_exists(self, api: Api) -> None:
        has(api, ended(), (OVER.job, wire_pod(states=ENDED)))
        for before, kept in ((b"x" * 5000, 5000), (b"a" + b"x" * (OUTPUT - 4), OUTPUT - 4)):
            api.kube.logs["pod"] = before + b"end\n"
            assert (await shown(api, OVER.id))["output"] == "x" * kept + "end\n"

    async def test_output_follows_the_failure_reason(self, api: Api) -> None:
        has(api, ended(success=False, exit_code=3, reason="Error"), (OVER.job, wire_pod(states=ENDED)))
        api.kube.logs["pod"] = b"all of it\n"
        assert (await shown(api, OVER.id))["output"] == "exit status 3\nall of it\n"

    async def test_output_is_from_the_status_if_whole_or_without_a_pod(self, api: Api) -> None:
        has(api, ended(output_truncated=False), (OVER.job, wire_pod(states=ENDED)))
        assert (await shown(api, OVER.id))["output"] == "end\n"
        assert api.kube.calls == []
        api.kube.world.objects.clear()
        has(api, ended())
        assert (await shown(api, OVER.id))["output"] == "end\n"

    @pytest.mark.parametrize("trouble", [Unavailable("no answer"), TimeoutError()], ids=["no answer", "too slow"])
    async def test_output_is_from_the_status_if_the_log_fails(self, api: Api, trouble: Any) -> None:
        has(api, ended(), (OVER.job, wire_pod(states=ENDED)))

        async def log_tail(*_: Any, **__: Any) -> bytes:
            raise trouble

        api.kube.log_tail = log_tail  # type: ignore[method-assign]
        assert (await shown(api, OVER.id))["output"] == "end\n"

    async def test_few_logs_are_read_at_once_and_not_for_long(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pods_module, "OUTPUT_SECONDS", 0.05)
        has(api, ended(), (OVER.job, wire_pod(states=ENDED)))
        at_once, most = 0, 0

        async def log_tail(*_: Any, **__: Any) -> bytes:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            try:
                await asyncio.Event().wait()
            finally:
                at_once -= 1
            return b""

        api.kube.log_tail = log_tail  # type: ignore[method-assign]
        found = await asyncio.gather(*(shown(api, OVER.id) for _ in range(20)))
        assert {one["output"] for one in found} == {"end\n"}
        assert (at_once, most) == (0, pods_module.WIDTH)

    async def test_output_of_a_running_execution_is_partial(self, api: Api) -> None:
        has(api, JobStatus(active=(RUNNING,)), (RUNNING.job, wire_pod(states=BEGUN, node="n7")))
        api.kube.logs["pod"] = b"so far\n"
        found = await shown(api, RUNNING.id)
        assert (found["output"], found["node_name"], found["success"]) == ("so far\n", "n7", False)
        assert found["finished_at"] == "0001-01-01T00:00:00Z"


NOT_OURS = (
    pytest.param({"ownerReferences": None}, id="a pod without an owner"),
    pytest.param({"ownerReferences": [{"kind": "Job", "name": RUNNING.job, "uid": "another"}]}, id="no controller"),
    pytest.param(
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Job", "name": RUNNING.job, "controller": True}]},
        id="a Job of another kind",
    ),
)


class TestAForgedPod:
    @pytest.mark.parametrize("forged", NOT_OURS)
    async def test_forged_pod_adds_no_output_or_node(self, api: Api, forged: dict[str, Any]) -> None:
        has(api, JobStatus(active=(RUNNING,)), (RUNNING.job, wire_pod(states=BEGUN, node="n7", name="ours")))
        fake = of_job(wire_pod(states=BEGUN, node="evil", name="zz", created=after(120)), RUNNING.job)
        fake["metadata"] |= forged
        api.kube.put(PODS, fake)
        api.kube.logs |= {"ours": b"true\n", "zz": b"forged\n"}
        found = await shown(api, RUNNING.id)
        assert (found["output"], found["node_name"]) == ("true\n", "n7")


class TestWhereItRuns:
    @pytest.mark.parametrize(
        ("pinned", "node", "shown", "calls"),
        [
            pytest.param("", "n7", "n7", 1, id="it runs, and a pod never moves"),
            pytest.param("", "", "", 2, id="not scheduled, and asked for again"),
            pytest.param("n3", "n7", "n3", 0, id="pinned by its tags"),
        ],
    )
    async def test_lists_name_the_node(self, api: Api, *, pinned: str, node: str, shown: str, calls: int) -> None:
        active = RUNNING.model_copy(update={"node_name": pinned})
        has(api, JobStatus(active=(active,)), (RUNNING.job, wire_pod(states=BEGUN, node=node)))
        for path in (f"/v1/jobs/{NAME}/executions", "/v1/busy"):
            [found] = await (await api.client.get(path)).json()
            assert found["node_name"] == shown, path
        assert len(api.kube.calls) == calls

    async def test_lists_omit_nodes_if_pods_cannot_be_listed(self, api: Api) -> None:
        has(api, JobStatus(active=(RUNNING,)))
        api.kube.fail("list pods", Unavailable("no answer"))
        [found] = await (await api.client.get("/v1/busy")).json()
        assert found["node_name"] == ""

    async def test_unreadable_job_does_not_hide_the_others(self, api: Api) -> None:
        odd = wire_job(name="odd", uid="u") | {"status": {"active": [{"uid": "x"}]}}
        api.know_jobs(wire_job(status=JobStatus(active=(RUNNING,))), odd)
        answer = await api.client.get("/v1/busy")
        assert (answer.status, len(await answer.json())) == (200, 1)

    async def test_a_list_of_pods_is_bounded_whatever_runs(self, api: Api) -> None:
        many = tuple(seen(claim(after(number))) for number in range(1000))
        has(api, JobStatus(active=many))
        assert (await api.client.get("/v1/busy")).status == 200
        assert len(api.kube.calls) == pods_module.CHUNKS


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class TestItsTrace:
    @pytest.mark.parametrize(
        ("variable", "found"),
        [
            pytest.param(f"00-{TRACE}-00f067aa0ba902b7-01", TRACE, id="one that is recorded"),
            pytest.param(f"00-{TRACE}-00f067aa0ba902b7-00", None, id="one that the sampler left out"),
            pytest.param("javascript:alert(1)", None, id="a text of the template"),
            pytest.param(None, None, id="none"),
        ],
    )
    async def test_trace_is_from_the_container(self, variable: str | None, found: str | None) -> None:
        pod = wire_pod(states=ENDED)
        pod["spec"]["containers"][0]["env"] = [{"name": "TRACEPARENT", "value": variable}] if variable else []
        async with running_api(executions.ROUTES, trace_url="https://jaeger.example/trace/{trace_id}?uiEmbed") as api:
            has(api, ended(exit_code=3, reason="Error", success=False), (OVER.job, pod))
            details = (await shown(api, f"{OVER.id}?details=true"))["details"]
            assert details.get("trace_id") == found
            assert details.get("trace_url") == (found and f"https://jaeger.example/trace/{TRACE}?uiEmbed")
            described = {"$ref": "#/components/schemas/execution_details", "components": document()["components"]}
            jsonschema_rs.validator_for(described, validate_formats=True).validate(details)

    async def test_no_pod_is_read_where_nothing_shows_traces(self, api: Api) -> None:
        has(api, ended(output_truncated=False), (OVER.job, wire_pod(states=ENDED)))
        assert "trace_id" not in (await shown(api, f"{OVER.id}?details=true"))["details"]
        assert api.kube.calls == []

    @pytest.mark.parametrize("address", ["jaeger/{trace_id}", "javascript:{trace_id}", "https://jaeger.example/"])
    def test_an_address_that_leads_to_no_trace_is_refused(self, address: str) -> None:
        with pytest.raises(ValidationError, match="trace_url"):
            Settings(trace_url=address)
