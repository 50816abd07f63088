"""Traces at a real control plane, as a receiver of OpenTelemetry's protocol gets them."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import localcluster
from dkron_crds.attempt_names import nanoseconds
from dkron_crds.traceparent import TraceContext, read_traceparent
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.telemetry.spans import trace_of
from tests.support.api_process import ApiProcess
from tests.support.api_sites import ApiSite
from tests.support.jobs import at, dkron_job, simulated
from tests.support.kube import Kube, Object, finished
from tests.support.operator_process import OperatorProcess
from tests.support.sites import install, namespace
from tests.support.spans import Span, receiver

pytestmark = pytest.mark.cluster(nodes="kwok")

CLIENT = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
UNSAMPLED = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 0)
AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
BACKOFF = {"initial": "1s", "factor": 1, "max": "1s"}
POD = {"POD_NAME": "dkron-0", "POD_NAMESPACE": "dkron-system", "NODE_NAME": "n1"}


@dataclass(frozen=True)
class Traced:
    """Both programs in a namespace of their own. They are not started yet."""

    kube: Kube
    operator: OperatorProcess
    api: ApiProcess

    def start(self) -> None:
        """Start both."""
        self.operator.start()
        self.api.start()
        ApiSite(self.kube, self.api, self.api.rest).wait_all_read()

    def ask(self, path: str, context: TraceContext) -> None:
        """Ask the REST API to do something, within a trace."""
        answer = self.api.rest.post(path, headers={"traceparent": str(context)})
        assert answer.status == 202, answer


@contextlib.contextmanager
def traced(cluster: localcluster.Cluster, folder: Path, purpose: str, **environment: str) -> Iterator[Traced]:
    """Both programs with these variables. What runs at the end has to stop in order, and must not have complained."""
    install(cluster)
    with namespace(cluster.kubeconfig, purpose) as kube:
        options = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace)
        operator = OperatorProcess(folder / "operator.log", *options, environment={**POD, **environment})
        api = ApiProcess(
            folder / "api.log", kubeconfig=cluster.kubeconfig, namespace=kube.namespace, environment=environment
        )
        kube.guard, kube.appendix = operator.check, operator.tail
        try:
            yield Traced(kube, operator, api)
            for program in (operator, api):
                if program.running:
                    program.stop()
                program.assert_clean()
        finally:
            for program in (operator, api):
                if program.running:
                    program.kill()


def own_context(job: Object) -> TraceContext:
    """The span that a Job names, as its container is told it, too."""
    text = job["metadata"]["annotations"]["dkron.io/traceparent"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "TRACEPARENT", "value": text} in container["env"]
    context = read_traceparent(text)
    assert context is not None, text
    return context


def only(spans: list[Span]) -> Span:
    assert len(spans) == 1, spans
    return spans[0]


def test_requested_run_joins_the_trace_of_its_client(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    with (
        receiver() as receiving,
        traced(cluster, tmp_path, "asked", OTEL_EXPORTER_OTLP_ENDPOINT=receiving.web.url, **AT_ONCE) as site,
    ):
        kube = site.kube
        kube.apply(
            dkron_job("report", retries=1, retryBackoff=BACKOFF, jobTemplate=simulated(exit_code=3)),
            dkron_job("sequel", dependsOn=[{"job": "report", "when": "failure"}], jobTemplate=simulated()),
        )
        site.start()
        for path in ("/health", "/metrics"):
            site.api.rest.get(path)
        site.ask("/v1/jobs/report/run", UNSAMPLED)
        kube.wait_status("report", "the untraced run to end", finished(2))
        site.ask("/v1/jobs/report/run", CLIENT)
        kube.wait_status("report", "the run to end", finished(4))
        kube.wait_status("sequel", "its sequels to end", finished(2))
        spans = receiving.wait(CLIENT.trace_id, "POST /v1/jobs/{job}/run", "record report", "record report")

        asked = only(spans["POST /v1/jobs/{job}/run"])
        assert (asked.service, asked.kind, asked.parent) == ("dkron-api", "server", CLIENT.span_id)
        assert asked.attributes["http.response.status_code"] == 202
        assert asked.attributes["url.path"] == "/v1/jobs/report/run"
        written = only(spans["kube patch dkronjobs"])
        assert (written.service, written.kind, written.parent) == ("dkron-api", "client", asked.span_id)

        first, second = spans["fire report"]
        one, two = spans["run report"]
        assert [first.parent, one.parent] == [asked.span_id, first.span_id]
        assert [second.parent, two.parent] == [one.span_id, second.span_id], "the retry follows what failed"
        assert [span.parent for span in spans["record report"]] == [one.span_id, two.span_id]
        assert {span.parent for span in spans["kube create jobs"]} == {first.span_id, second.span_id}
        jobs = {job["metadata"]["name"]: job for job in kube.jobs_of("report")}
        for span in (one, two):
            job = jobs[span.attributes["k8s.job.name"]]
            assert own_context(job).span_id == span.span_id
            assert (span.service, span.failed, span.attributes["process.exit.code"]) == ("dkron-operator", "error", 3)
            assert span.attributes["dkron.job.name"] == "report"
            assert span.resource["k8s.pod.name"] == "dkron-0"
        assert first.attributes["k8s.job.uid"] in {job["metadata"]["uid"] for job in jobs.values()}

        followed = [span for span in receiving.spans if span.name == "fire sequel" and span.links]
        assert only(followed).links == ((two.trace_id, two.span_id),)
        assert only(followed).trace_id != CLIENT.trace_id, "a run after another has a trace of its own"

        assert not receiving.trace(UNSAMPLED.trace_id)
        unfollowed = [job for job in jobs.values() if own_context(job).trace_id == UNSAMPLED.trace_id]
        assert [own_context(job).sampled for job in unfollowed] == [False, False], "nor does the program follow it"

        for program, message in ((site.operator, "started"), (site.api, "POST /v1/jobs/report/run 202")):
            lines = [line["trace_id"] for line in program.lines() if line["msg"] == message]
            assert CLIENT.trace_id in lines
        told = {span.name for span in receiving.spans if span.kind == "server"}
        assert not {"GET /health", "GET /metrics"} & told, "probes are no news"


def test_slot_is_one_trace_across_processes(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    with (
        receiver() as receiving,
        traced(
            cluster, tmp_path, "slots", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{receiving.web.url}/v1/traces", **AT_ONCE
        ) as site,
    ):
        kube, operator = site.kube, site.operator
        kube.apply(dkron_job("tick", schedule="@every 2s", jobTemplate=simulated(run_for="3s")))
        operator.start()
        operator.wait_for_line("started")
        operator.kill()
        uid = kube.get(DKRON_JOBS, "tick")["metadata"]["uid"]
        left = {job["metadata"]["name"] for job in kube.jobs_of("tick")}
        assert left, "it was started"
        operator.start()
        kube.wait_status("tick", "a slot to be recorded after that", finished(len(left) + 1))
        for execution in kube.status("tick")["executions"][-len(left) - 1 :]:
            trace_id = trace_of(uid, nanoseconds(at(execution["slot"])))
            spans = receiving.wait(trace_id, "run tick", "record tick")
            run, record = only(spans["run tick"]), only(spans["record tick"])
            job = kube.get(JOBS, execution["job"])
            assert own_context(job).span_id == run.span_id
            assert (run.trace_id, record.parent) == (trace_id, run.span_id)
            assert run.attributes["dkron.execution.id"] == execution["id"]
            assert record.ended >= run.ended
            if execution["job"] not in left:
                fire = only(spans["fire tick"])
                assert (fire.parent, run.parent) == ("", fire.span_id)
                assert fire.begun == at(execution["slot"])
                assert fire.ended > fire.begun
