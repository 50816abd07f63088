"""`dkronctl backup` and `dkronctl restore`: what is paused does not run because it moves."""

import json
from typing import Any

import pytest

from dkron_cli.commands import backup
from dkron_cli.options import Options
from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES
from tests.support.api_app import object_of
from tests.support.builders import wire_job
from tests.support.fake_kube import FakeKube
from tests.support.opened_cluster import by_kubeconfig, call_of

Object = dict[str, Any]
HOLDS = {"conditions": [{"type": "Active", "status": "True", "reason": "Paused"}]}


@pytest.mark.parametrize(
    ("operator", "remark"),
    [pytest.param(True, "", id="an operator sees it"), pytest.param(False, "no operator has seen", id="none does")],
)
async def test_pauses_are_kept_and_come_before_the_jobs(
    operator: bool, remark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = FakeKube(), FakeKube()
    old.put(DKRON_JOBS, wire_job(name="report"))
    old.put(DKRON_PAUSES, object_of("moves", spec={"jobs": ["report"], "reason": "why"}, status=HOLDS))
    by_kubeconfig(monkeypatch, old)
    await backup.backup(call_of(Options()))
    kept: list[Object] = json.loads(capsys.readouterr().out)["items"]
    assert [(each["kind"], "status" in each) for each in kept] == [("DkronPause", False), ("DkronJob", False)]

    monkeypatch.setattr(backup, "PATIENCE", 5.0 if operator else 0.0)
    monkeypatch.setattr(backup, "INTERVAL", 0.0)

    def see() -> None:
        new.edit(DKRON_PAUSES, "moves", lambda it: it.update(status=HOLDS))

    # The first two looks find out whether it is there.
    for look in (lambda: None, lambda: None, lambda: None, see) if operator else ():
        new.meanwhile("get dkronpauses", look)
    by_kubeconfig(monkeypatch, new)
    await backup._restore(Options(), kept[::-1], disabled=False, dry_run=False)
    writes = [call.split()[1] for call in new.calls if call.startswith("create")]
    assert writes == ["dkronpauses", "dkronjobs"]
    assert new.has(DKRON_PAUSES, "moves")["spec"] == {"jobs": ["report"], "reason": "why"}
    seen = new.has(DKRON_PAUSES, "moves").get("status")
    assert (seen, remark in capsys.readouterr().err) == (HOLDS if operator else None, True)
    before = new.calls[: new.calls.index("create dkronjobs report")]
    assert before.count("get dkronpauses moves") == (4 if operator else 3)
