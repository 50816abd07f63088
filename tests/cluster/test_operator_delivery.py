"""Processors and notifications at a real control plane: receivers that take, hang, refuse and come back; crashes."""

import contextlib
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from dkron_kube.paths import DKRON_CLUSTERS, EVENTS
from tests.support import ledger
from tests.support.jobs import dkron_job, each_second, simulated
from tests.support.kube import SECRETS, Kube, Object, condition, finished, is_degraded, is_not_ready
from tests.support.printed import MARK
from tests.support.receivers import (
    HOST,
    Forward,
    Web,
    forward_server,
    in_background,
    mail_server,
    silent_server,
    tcp_syslog,
    web_server,
)
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]

ONE: Object = {"run": ["once"], "jobTemplate": simulated()}
FAILS: Object = {"run": ["once"], "jobTemplate": simulated(exit_code=3)}


def installation(kube: Kube, **spec: Any) -> None:
    """Have the DkronCluster say this."""
    if kube.find(DKRON_CLUSTERS, "dkron") is None:
        body = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": "dkron"}, "spec": spec}
        kube.create(DKRON_CLUSTERS, body)
    else:
        kube.patch(DKRON_CLUSTERS, "dkron", {"spec": spec})


def secret(kube: Kube, **values: str) -> None:
    kube.create(SECRETS, {"metadata": {"name": "receivers"}, "stringData": values})


def source(key: str) -> Object:
    return {"secretKeyRef": {"name": "receivers", "key": key}}


def executions(kube: Kube, name: str) -> list[str]:
    return [each["id"] for each in kube.status(name).get("executions", ())]


def delivered(kube: Kube, name: str) -> None:
    """Wait until every receiver has its message."""
    kube.wait_status(name, "everybody to be told", lambda status: not status.get("outbox"))


def telling(web: Web) -> list[Object]:
    return [json.loads(request.body) for request in web.requests]


def test_each_receiver_gets_the_ended_executions(own_site: Site, tmp_path: Path) -> None:
    kube, folder = own_site.kube, tmp_path / "outputs"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(in_background(web_server()))
        mail = stack.enter_context(in_background(mail_server()))
        syslog = stack.enter_context(in_background(tcp_syslog()))
        fluent: Forward = stack.enter_context(in_background(forward_server()))
        secret(kube, slack=f"{web.url}/slack/{MARK}")
        installation(
            kube,
            receivers={
                "mail": [
                    {"name": "default", "host": HOST, "port": mail.port, "tls": "none", "sender": "dkron@example.com"}
                ],
                "slack": [{"name": "default", "urlFrom": source("slack")}],
                "elasticsearch": [{"name": "default", "url": web.url}],
                "syslog": {"address": syslog.address},
                "fluent": {"host": HOST, "port": fluent.port},
            },
        )
        processors: Object = {name: {} for name in ("log", "files", "syslog", "fluent", "elasticsearch", "slack")}
        processors["email"] = {"emails": "ops@example.com"}
        operator = own_site.operator.add("--output-dir", str(folder)).start()
        kube.apply(dkron_job("bad", processors=processors, **FAILS))
        status = kube.wait_status("bad", "its run", finished(1))
        execution = status["executions"][0]
        delivered(kube, "bad")
        operator.stop()
        path = folder / kube.namespace / f"{execution['id']}.log"
        assert execution["output"].splitlines() == [
            "Output in Elasticsearch", str(path), "Output sent to Fluent", "Output in dkron log", "Output in syslog"
        ]  # fmt: skip
        assert path.exists()
        assert [line for line in operator.lines() if line.get("execution") == execution["id"] and "output" in line]
        assert execution["id"] in syslog.received[0].decode()
        assert fluent.received[0][2]["execution"] == execution["id"]
        found: EmailMessage = mail.mails[0]
        assert (found["To"], found["Subject"]) == ("ops@example.com", "[Dkron] Failed bad execution report")
        assert sorted(request.path.split("/")[1] for request in web.requests) == ["dkron", "slack"]
        assert MARK not in operator.text()
        assert MARK not in json.dumps([kube.all(EVENTS), kube.status("bad")])


def test_hanging_receiver_delays_no_slot_and_no_other_receiver(own_site: Site) -> None:
    kube = own_site.kube
    with in_background(silent_server()) as silent, in_background(web_server()) as web:
        installation(
            kube,
            receivers={
                "fluent": {"host": HOST, "port": silent},
                "elasticsearch": [{"name": "default", "url": web.url}],
            },
            notifications=[{"name": "hangs", "url": f"http://{HOST}:{silent}/", "when": ["start", "always"]}],
        )
        own_site.operator.start()
        kube.apply(each_second("steady", processors={"fluent": {}, "elasticsearch": {}}))
        kube.wait_status("steady", "ten runs", finished(10))
        account = ledger.close(kube, "steady", every=1)
        account.assert_balanced()
        assert account.skipped == 0
        told = executions(kube, "steady")
        kube.wait_for("all to be told", lambda: web.requests, lambda requests: len(requests) >= len(told))
        assert len(kube.status("steady")["outbox"]) == len(told), "the one that hangs is still to be told"


def test_undelivered_executions_are_sent_by_the_next_process(own_site: Site) -> None:
    """One is killed, the next is stopped in order, and the receiver takes nothing before the third."""
    kube, operator = own_site.kube, own_site.operator
    mode = {"status": 500}
    with in_background(web_server(lambda _: mode["status"])) as web:
        installation(kube, notifications=[{"name": "ops", "url": web.url, "payload": '{"id": "{{ execution }}"}'}])
        operator.start()
        kube.apply(*(dkron_job(name, **ONE) for name in ("a", "b", "c")))
        for end in (operator.kill, operator.stop):
            for name in ("a", "b", "c"):
                kube.wait_status(name, "its run", lambda status: status.get("outbox"))
            end()
            tried = len(web.requests)
            if end == operator.stop:
                mode["status"] = 200
            operator.start()
        for name in ("a", "b", "c"):
            delivered(kube, name)
        told = {each["id"] for each in telling(web)[tried:]}
        assert told == {executions(kube, name)[0] for name in ("a", "b", "c")}


def test_receiver_problems_are_reported_and_cleared_at_once(own_site: Site) -> None:
    kube = own_site.kube
    own_site.operator.start()
    kube.apply(
        dkron_job("lacking", processors={"syslog": {}}, **ONE),
        dkron_job("wrong", processors={"syslog": {"forward": "x"}}),
    )
    status = kube.wait_status("lacking", "its run", finished(1))
    assert status["executions"][0].get("output") != "Output in syslog"
    assert condition(status, "Ready")["status"] == "True"
    degraded = kube.wait_status("lacking", "to be told", is_degraded)
    assert condition(degraded, "Degraded")["reason"] == "NoReceiver"
    wrong = kube.wait_status("wrong", "to be refused", is_not_ready)
    assert condition(wrong, "Ready")["reason"] == "InvalidProcessor"
    assert 'processors.syslog.forward: "x" is neither' in condition(wrong, "Ready")["message"]
    installation(kube, receivers={"syslog": {"address": "udp://127.0.0.1:9"}})
    kube.wait_status("lacking", "to be well", lambda s: condition(s, "Degraded").get("status") == "False")
    installation(kube, notifications=[{"name": "ops", "url": "http://x.invalid", "payload": "{{ nope }}"}])
    cluster = kube.wait_for(
        "the DkronCluster to be judged",
        lambda: kube.get(DKRON_CLUSTERS, "dkron").get("status") or {},
        lambda s: condition(s, "Delivers").get("status") == "False",
    )
    assert 'there is no value "nope"' in condition(cluster, "Delivers")["message"]
    kube.wait_for("an Event", lambda: kube.events_of("dkron", "InvalidReceiver"), bool)
    installation(kube, notifications=[])
    kube.wait_for(
        "the DkronCluster to be in order",
        lambda: kube.get(DKRON_CLUSTERS, "dkron").get("status") or {},
        lambda s: condition(s, "Delivers").get("status") == "True",
    )
