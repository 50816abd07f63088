"""Whether the custom resources are current: asked until it is known, for a while, in virtual time."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, cast

import pytest

from dkron_crds.kinds import KINDS
from dkron_crds.names import GROUP, VERSION
from dkron_crds.revision import REVISION
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Rejected, Unavailable
from dkron_runtime.installed import PATIENCE, Outdated, require_current

pytestmark = pytest.mark.looptime
Object = dict[str, Any]
WARNING = "cannot check whether the custom resources"


def document(revision: int) -> Object:
    """The document of an API server whose definitions have this number."""

    def schema(kind: str) -> Object:
        identity = {"group": GROUP, "version": VERSION, "kind": kind}
        return {"title": f"{kind}, revision {revision}", "x-kubernetes-group-version-kind": [identity]}

    return {"components": {"schemas": {kind.name: schema(kind.name) for kind in KINDS}}}


OLD, CURRENT = document(REVISION - 1), document(REVISION)


@dataclass
class Publisher:
    """An API server that gives these answers, the last one for ever."""

    answers: list[Object | KubeError]
    calls: int = 0

    async def openapi(self, group: str, version: str) -> Object:
        assert (group, version) == (GROUP, VERSION)
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, KubeError):
            raise answer
        return answer


async def ask(*answers: Object | KubeError) -> tuple[Publisher, float]:
    """Ask a server with these answers; how long that took."""
    publisher = Publisher(list(answers))
    begin = asyncio.get_running_loop().time()
    await require_current(cast("KubeClient", publisher))
    return publisher, asyncio.get_running_loop().time() - begin


async def test_current_ones_are_seen_at_once() -> None:
    publisher, seconds = await ask(CURRENT)
    assert (publisher.calls, seconds) == (1, 0)


@pytest.mark.parametrize(
    "early", [OLD, NotFound("not there", status=404), Unavailable("no answer")], ids=["old", "none", "no answer"]
)
async def test_late_published_crds_are_awaited(early: Object | KubeError, caplog: pytest.LogCaptureFixture) -> None:
    _, seconds = await ask(early, early, early, CURRENT)
    assert 0 < seconds < PATIENCE
    assert caplog.text == ""


@pytest.mark.parametrize("answers", [[OLD], [OLD, Unavailable("no answer"), OLD]], ids=["always", "now and then"])
async def test_outdated_published_crds_are_refused_at_the_deadline(answers: list[Object | KubeError]) -> None:
    with pytest.raises(Outdated, match=f"DkronJob has revision {REVISION - 1}"):
        await ask(*answers)


@pytest.mark.parametrize("never", [NotFound("not there", status=404), Unavailable("no answer")])
async def test_unknown_crd_revision_is_logged_and_accepted(never: KubeError, caplog: pytest.LogCaptureFixture) -> None:
    _, seconds = await ask(never)
    assert seconds == pytest.approx(PATIENCE, abs=2)
    assert [(line.levelno, WARNING in line.message, str(never) in line.message) for line in caplog.records] == [
        (logging.WARNING, True, True)
    ]


async def test_a_refusal_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    publisher, seconds = await ask(Rejected("openapi is forbidden", status=403))
    assert (publisher.calls, seconds) == (1, 0)
    assert WARNING in caplog.text
