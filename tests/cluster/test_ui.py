"""The web page in a browser, with a running API: `ui/e2e` has the steps, this file what they happen to."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from dkron_crds.run import OF_BACKFILL
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_POLICIES, DKRON_RUNS
from tests.support.api_process import ApiProcess
from tests.support.api_sites import ApiSite
from tests.support.documents import backfill, policy
from tests.support.jobs import dkron_job, dkron_pause
from tests.support.kube import Kube, Object
from tests.support.receivers import in_background
from tests.support.sign_on import running_provider

pytestmark = pytest.mark.cluster(nodes="none")

UI = Path(__file__).parents[2] / "ui"
CHROMIUM = shutil.which("chromium")
SECONDS = 900
"""For all steps on a slow machine: a step has its own deadline in ui/playwright.config.ts."""
FAILED = re.compile(r"^ +\d+\) (.*?)[ ─]*$", re.MULTILINE)
"""How Playwright heads the report of a failed test."""


def attempt(name: str, began: datetime, seconds: float, *, success: bool = True, number: int = 1) -> Object:
    """An attempt that has ended, as the operator records it."""
    slot = began - timedelta(seconds=0.3)
    return {
        "id": f"{nanoseconds(began)}-{name}-{int(slot.timestamp())}-{number:x}",
        "job": f"{name}-{int(slot.timestamp())}-{number:x}",
        "slot": rfc3339(slot),
        "group": nanoseconds(slot),
        "trigger": "schedule",
        "attempt": number,
        "startedAt": rfc3339(began),
        "finishedAt": rfc3339(began + timedelta(seconds=seconds)),
        "state": "Succeeded" if success else "Failed",
        "nodeName": f"node-{number % 3 + 1}",
        "output": "copied 312 tables\ndone\n" if success else "pg_dump: error: connection refused\n",
        **({} if success else {"exitCode": 1, "reason": "Error"}),
    }


def history(name: str, now: datetime, *, failed: frozenset[int] = frozenset(), every: float = 40.0) -> Object:
    """The status of a job that ran twenty times, `every` seconds apart; `failed` counts from the newest."""
    runs = [
        attempt(name, now - timedelta(seconds=30 + index * every), 4 + (index * 7) % 11, success=index not in failed)
        for index in range(20)
    ]
    good = [run for run in runs if run["state"] == "Succeeded"]
    bad = [run for run in runs if run["state"] == "Failed"]
    return {
        "executions": runs,
        "status": "success" if runs[0]["state"] == "Succeeded" else "failed",
        "successCount": len(good),
        "errorCount": len(bad),
        **({"lastSuccess": good[0]["finishedAt"]} if good else {}),
        **({"lastError": bad[0]["finishedAt"]} if bad else {}),
    }


def stored(site: ApiSite) -> str:
    """Store the jobs of the tests. Return the id of an execution of `nightly-backup`."""
    now = datetime.now(UTC)
    backup = history("nightly-backup", now, failed=frozenset({3, 11}))
    metadata = {"team": "data", "tier": "1"}
    job = dkron_job(
        "nightly-backup", "pg_dump app | gzip > /backup/app.gz", schedule="0 */2 * * * *", config={"shell": "true"},
        displayName="Nightly backup", timezone="Europe/Madrid", retries=2, concurrency="forbid", metadata=metadata,
    )  # fmt: skip
    site.store(job, backup)
    failing = history("report", now, failed=frozenset(range(6)))
    weekly = dkron_job("report", schedule="0 0 7 * * mon-fri", displayName="Weekly report", owner="Data team")
    site.store(weekly, failing)
    condition = {
        "type": "Ready", "status": "False", "reason": "Invalid", "lastTransitionTime": rfc3339(now),
        "message": 'timeout: "30s" is not a number of seconds from 1 to 86400', "observedGeneration": 1,
    }  # fmt: skip
    site.store(dkron_job("broken"), {"conditions": [condition]})
    run = attempt("sync", now - timedelta(seconds=95), 0)
    active = {key: run[key] for key in ("id", "job", "slot", "group", "trigger", "attempt", "startedAt")}
    site.store(dkron_job("sync", schedule="@every 10m"), {"active": [{**active, "state": "Running", "uid": "u"}]})
    whole = attempt("spread", now - timedelta(seconds=70), 5)
    members = [
        {**attempt("spread", now - timedelta(seconds=70 - index), 5, success=index != 1), "member": f"node-{index + 1}",
         "nodeName": f"node-{index + 1}", "group": whole["group"], "slot": whole["slot"]}
        for index in range(3)
    ]  # fmt: skip
    site.store(dkron_job("spread", schedule="@daily", tags={"zone": "a"}), {"executions": members})
    site.store(dkron_job("send-report", schedule="", parentJob="report", disabled=True))
    limit = {"name": "limit", "type": "integer", "default": "100", "maximum": "1000"}
    region = {"name": "region", "type": "enum", "values": ["eu", "us"], "required": True, "description": "Where"}
    site.store(dkron_job("orders", parameters=[region, limit]))
    site.store(dkron_job("elsewhere", schedule="@monthly", timezone="America/Argentina/ComodRivadavia"))
    for name in ("toggled", "shared"):
        site.store(dkron_job(name, schedule="@daily"))
    store_lists(site, now)
    for index in range(12):
        name = f"poll-{index:02}"
        site.store(dkron_job(name, schedule=f"{index * 5} * * * * *"), history(name, now, every=60.0 + index))
    return str(backup["executions"][0]["id"])


def store_lists(site: ApiSite, now: datetime) -> None:
    """Store a backfill that is under way, one that is refused, a pause, and a policy."""
    kube, hour = site.kube, {"from": "2026-03-01T10:00:00Z", "to": "2026-03-01T11:00:00Z"}
    again = kube.create(DKRON_BACKFILLS, backfill("report-again", job="report", **hour, reason="the source was empty"))
    slots = [f"2026-03-01T10:{minute}0:00Z" for minute in range(6)]
    uid = kube.get(DKRON_JOBS, "report")["metadata"]["uid"]
    status: Object = {
        "plan": {"count": 6, "jobs": 1, "first": slots[0], "last": slots[5]}, "begun": 3, "succeeded": 1, "failed": 1,
        "active": 1, "remaining": 3, "startedAt": rfc3339(now), "message": "2 of 6 runs ended, 1 failed, 1 active",
        "targets": [{"job": "report", "uid": uid, "slots": slots}],
    }  # fmt: skip
    kube.patch(DKRON_BACKFILLS, "report-again", {"status": status}, subresource="status")
    for slot, phase in zip(slots, ("Succeeded", "Failed", "Running"), strict=False):
        name, began = f"run-{slot[14]}", now - timedelta(seconds=40)
        owner = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronBackfill", "name": "report-again"}
        metadata = {
            "name": name, "labels": {OF_BACKFILL: "report-again"},
            "ownerReferences": [owner | {"uid": again["metadata"]["uid"]}],
        }  # fmt: skip
        spec = {"job": "report", "scheduledTime": slot}
        kube.create(
            DKRON_RUNS, {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronRun", "metadata": metadata, "spec": spec}
        )
        ended = {} if phase == "Running" else {"finishedAt": rfc3339(began + timedelta(seconds=9))}
        run = {"phase": phase, "attemptCount": 1, "startedAt": rfc3339(began), **ended}
        run |= {"message": "the attempt failed: Error, exit code 1"} if phase == "Failed" else {}
        kube.patch(DKRON_RUNS, name, {"status": run}, subresource="status")
    kube.create(DKRON_BACKFILLS, backfill("refused", job="none", **hour))
    refused: Object = {
        "type": "Failed", "status": "True", "reason": "Refused", "lastTransitionTime": rfc3339(now),
        "message": 'there is no job "none" in the namespace',
    }  # fmt: skip
    status = {"conditions": [refused], "message": refused["message"], "finishedAt": rfc3339(now)}
    kube.patch(DKRON_BACKFILLS, "refused", {"status": status}, subresource="status")
    until = rfc3339(now + timedelta(hours=2))
    spec = {"reason": "the database moves", "pausedBy": "ann", "until": until}
    kube.create(DKRON_PAUSES, dkron_pause("moves", jobs=["poll-00", "poll-01"], **spec))
    holds = {"type": "Active", "status": "True", "reason": "Paused", "lastTransitionTime": rfc3339(now)}
    kube.patch(DKRON_PAUSES, "moves", {"status": {"conditions": [holds], "jobs": 2}}, subresource="status")
    rules = {"Rules": '{"path":{"/v1/jobs":{"capabilities":["list"]},"/v1/jobs/*":{"capabilities":["read"]}}}'}
    assert site.rest.post("/v1/acl/policies/readers", rules).status == HTTPStatus.ACCEPTED


in_a_browser = pytest.mark.skipif(
    CHROMIUM is None or not (UI / "node_modules").is_dir(),
    reason="a browser test needs Debian's package chromium, and the packages of the web page: make ui",
)


def browse(api: ApiProcess, *tests: str, **told: str) -> None:
    """Run these steps, all by default, with what they are told."""
    environment = {**os.environ, "DKRON_UI_URL": api.url, "CHROMIUM": str(CHROMIUM), **told}
    done = subprocess.run(
        ["node_modules/.bin/playwright", "test", *tests],
        cwd=UI, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    failed = sorted(set(FAILED.findall(done.stdout)))
    assert done.returncode == 0, f"{failed}\n{done.stdout[-12000:]}\n{done.stderr[-3000:]}"


@pytest.mark.timeout(SECONDS + 60)
@in_a_browser
def test_page_keeps_its_promises_in_a_browser(shared_api: ApiSite) -> None:
    browse(shared_api.api, *os.environ.get("DKRON_UI_TESTS", "").split(), DKRON_UI_RUN=stored(shared_api))


@pytest.mark.timeout(SECONDS + 60)
@in_a_browser
def test_a_reader_signs_on_by_an_issuer(kube: Kube, tmp_path: Path) -> None:
    kube.create(DKRON_JOBS, dkron_job("report", schedule="@daily"))
    everything = policy({"/v1/**": {"capabilities": ["create", "read", "update", "delete", "list"]}})
    kube.create(DKRON_POLICIES, everything)
    with in_background(running_provider(policies=[everything["metadata"]["name"]])) as provider:
        options = ("--auth=oidc", "--oidc-rights=dkron", "--oidc-policies-claim=policies", "--oidc-audience=dkron,ci")
        issuer = f"--oidc-issuer={provider.issuer.url}"
        api = ApiProcess(tmp_path / "api.log", issuer, *options, kubeconfig=kube.kubeconfig, namespace=kube.namespace)
        api.start()
        try:
            provider.redirect = f"{api.url}/ui/"
            browse(api, "signon", DKRON_UI_ISSUER=provider.issuer.url)
            api.stop()
        finally:
            if api.running:
                api.kill()
