"""The past by the REST API, with an archive and without one: runs in pages, executions by time and by text, and the
specs that a job had."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_cli.core.revisions import left_out, named, way_back
from dkron_cli.edge import cluster
from dkron_cli.errors import Code
from dkron_cli.main import main
from tests.support.fake_archive_api import JOB, FakeArchiveApi, execution
from tests.support.fixed_cluster import FixedCluster, Noon

HOUR = 3600
Call = Callable[..., Awaitable[int]]
OF_TWO = [
    execution(-100, success=False, output="disk full\n", group=-100),
    execution(-80, attempt=2, output="written\n", group=-100),
]
"""The attempts of a run: the second succeeded."""
PAST = [
    execution(-20, seconds=None, job="other"),
    *OF_TWO,
    execution(-HOUR - 5, success=False, output="disk full\nand more\n"),
    *(execution(-HOUR * each) for each in range(2, 6)),
    execution(-HOUR * 6, job="other", output="disk full\n"),
]


def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("history", "runs", "export", "logs", "revisions"):
        import_module(f"dkron_cli.commands.{name}")
    for name, module in list(sys.modules.items()):
        if name.startswith("dkron_cli.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Noon)
        if name.startswith("dkron_cli.commands.") and hasattr(module, "LocalZone"):
            monkeypatch.setattr(module, "LocalZone", lambda: UTC)


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FakeArchiveApi, Call]]:
    """An API at noon, and how to call dkronctl with it."""
    fake = FakeArchiveApi(executions=PAST)
    at_noon(monkeypatch)
    for variable in ("DKRON_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    async with TestServer(app) as server:
        monkeypatch.setenv("DKRON_SERVER", str(server.make_url("/")))
        yield fake, call


async def call(*words: str) -> int:
    """Call dkronctl beside the server. Return its exit code."""

    def ended() -> int:
        with pytest.raises(SystemExit) as end:
            main(words)
        return int(end.value.code or 0)

    return await asyncio.to_thread(ended)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Words behind `history`, and the first attempts of the runs that it lists, or its executions, as seconds after
    noon."""

    words: tuple[str, ...]
    shows: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    code: Code = Code.OK
    api: dict[str, Any] = field(default_factory=dict)


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"1-report-{number}-1" for number in numbers)


RETRIED = "1-report--80-2"
OLD = ids(-7200, -10800, -14400, -18000)
HISTORY = {
    "the whole archive": Listing(words=("report",), shows=(RETRIED, *ids(-3605), *OLD)),
    "in pages of one": Listing(words=("report",), shows=(RETRIED, *ids(-3605), *OLD), api={"most": 1}),
    "so many": Listing(words=("report", "-c", "2"), shows=(RETRIED, *ids(-3605)), api={"most": 2}),
    "since a time": Listing(words=("report", "--from", "10:00"), shows=(RETRIED, *ids(-3605, -7200))),
    "until a time": Listing(words=("report", "--to", "10:00"), shows=OLD[1:]),
    "of a day": Listing(words=("report", "--from", "today", "--to", "today"), shows=(RETRIED, *ids(-3605), *OLD)),
    "of no day": Listing(words=("report", "--to", "yesterday", "-o", "wide"), says=("no runs",)),
    "a retry beyond the end belongs to its run": Listing(
        words=("report", "--from", "2h", "--to", "11:58:45"), shows=ids(-3605, -7200)
    ),
    "an attempt before the start belongs to its run": Listing(
        words=("report", "--from", "11:58:45", "-o", "json"), shows=(RETRIED,)
    ),
    "failed runs": Listing(words=("report", "--state", "failed"), shows=ids(-3605)),
    "failed runs, as before": Listing(words=("report", "--failed"), shows=ids(-3605), api={"most": 1}),
    "runs that failed for a member": Listing(
        words=("report", "--state", "failed"), shows=ids(-3),
        api={"executions": [execution(-5, member="b", group=-5), execution(-3, success=False, member="a", group=-5)]},
    ),
    "runs that succeeded": Listing(words=("report", "--state", "success"), shows=(RETRIED, *OLD)),
    "a text": Listing(words=("report", "--search", "disk full"), shows=ids(-100, -3605)),
    "a text and a time": Listing(words=("report", "--search", "disk full", "--to", "11:30"), shows=ids(-3605)),
    "a text and a state": Listing(words=("report", "--search", "w", "--state", "success"), shows=(RETRIED,)),
    "a text that takes long": Listing(
        words=("report", "--search", "disk full"), shows=ids(-100, -3605),
        says=("the search takes longer than one request may, and goes on; --from and --to shorten it",),
        api={"slow": True},
    ),
    "a text of jobs with a label": Listing(
        words=("-l", "team=a", "--search", "disk full"), shows=ids(-100, -3605)
    ),
    "a text that is nowhere": Listing(words=("report", "--search", "x y", "-o", "wide"), says=("no executions",)),
    "an archive that is away": Listing(
        words=("report", "-c", "1"), shows=(RETRIED,), says=('warning: the archive is "away"',),
        api={"warning": 'the archive is \\"away\\"'},
    ),
    "a Dkron has no filters": Listing(
        words=("report", "--from", "10:00", "--to", "11:30"), shows=ids(-3605, -7200), api={"plain": True}
    ),
    "a Dkron does not search": Listing(
        words=("report", "--search", "x"), code=Code.USAGE, says=("this server cannot search outputs",),
        api={"plain": True},
    ),
    "two states": Listing(
        words=("report", "--failed", "--state", "success"), code=Code.USAGE, says=("give one of them",)
    ),
    "a text that is not set": Listing(words=("report", "--search", ""), code=Code.USAGE, says=("not 0",)),
    "all time": Listing(words=("report", "--from", "999999999d", "-c", "1"), shows=(RETRIED,)),
    "a long text": Listing(
        words=("report", "--search", "x" * 201), code=Code.USAGE, says=("use 1 to 200 characters, not 201",)
    ),
    "a job that was deleted": Listing(words=("report", "-c", "1"), shows=(RETRIED,), api={"gone": True}),
    "a job that never was": Listing(
        words=("reprt",), code=Code.NOT_FOUND, says=('there is no job "reprt"', 'did you mean "report"?')
    ),
    "no time": Listing(words=("report", "--from", "soon"), code=Code.USAGE, says=('--from: "soon" is not a time',)),
}  # fmt: skip


@pytest.mark.parametrize("case", HISTORY.values(), ids=HISTORY)
async def test_history(case: Listing, served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]) -> None:
    fake, called = served
    for name, value in case.api.items():
        setattr(fake, name, value)
    words = case.words if "-o" in case.words else (*case.words, "-o", "name")
    assert await called("history", *words) == case.code
    said = capsys.readouterr()
    if "json" in words:
        (run,) = json.loads(said.out)
        assert [each["number"] for each in run["attempts"]] == [1, 2]
        assert (run["attempts"][-1]["id"],) == case.shows
    else:
        assert tuple(said.out.split()) == case.shows
    assert all(sentence in said.err for sentence in case.says), said.err
    assert said.err.count("\n") <= max(1, len(case.says))


AT = {
    "a minute, also its end": Listing(words=("11:58",), shows=(*ids(-100), RETRIED)),
    "the minute that runs": Listing(words=("11:59",), shows=("1-other--20-1",)),
    "a moment": Listing(words=("2026-03-01T11:58:45Z",), shows=(RETRIED,)),
    "a day": Listing(
        words=("today",), shows=("1-other--20-1", RETRIED, *ids(-100, -3605), *OLD, "1-other--21600-1")
    ),
    "in pages": Listing(
        words=("today", "-c", "3"), shows=("1-other--20-1", RETRIED, *ids(-100)), api={"most": 2}
    ),
    "nothing": Listing(words=("yesterday 02:30", "-o", "wide"), says=("nothing ran",)),
    "to come": Listing(words=("today 12:01",), code=Code.USAGE, says=("is in the future",)),
    "a Dkron does not tell": Listing(
        words=("11:58",), code=Code.USAGE, says=("this server cannot list executions of all jobs",),
        api={"plain": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", AT.values(), ids=AT)
async def test_what_ran_at_a_time(
    case: Listing, served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]
) -> None:
    fake, called = served
    for name, value in case.api.items():
        setattr(fake, name, value)
    words = case.words if "-o" in case.words else (*case.words, "-o", "name")
    assert await called("runs", "--at", *words) == case.code
    said = capsys.readouterr()
    assert sorted(said.out.split()) == sorted(case.shows)
    assert all(sentence in said.err for sentence in case.says), said.err


async def test_table_and_json_of_what_ran(
    served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]
) -> None:
    _, called = served
    await called("runs", "--at", "11:58", "-c", "1")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "JOB      STARTED                TRIGGER    ATTEMPT   RESULT    TOOK   EXECUTION",
        f"report   2026-03-01T11:58:40Z   schedule   2         success   10s    {RETRIED}",
    ]
    assert said.err.splitlines() == [
        "from 2026-03-01T11:58:00Z to 2026-03-01T11:59:00Z:", "there are more; --count shows them",
    ]  # fmt: skip
    await called("runs", "--at", "11:59", "-o", "json")
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["job"] == "other"
    assert (shown["startedAt"], shown["finishedAt"], shown["success"]) == ("2026-03-01T11:59:40Z", None, None)


EXPORTS = {
    "all pages of all jobs": Listing(words=(), shows=("other", *["report"] * 7, "other"), api={"most": 2}),
    "a job": Listing(words=("report",), shows=("report",) * 7, api={"most": 3}),
    "a job that was deleted": Listing(words=("report",), shows=("report",) * 7, api={"gone": True}),
    "jobs with a label": Listing(words=("-l", "team=a"), shows=("report",) * 7),
    "a job of a Dkron": Listing(words=("report",), shows=("report",) * 7, api={"plain": True}),
}


@pytest.mark.parametrize("case", EXPORTS.values(), ids=EXPORTS)
async def test_executions_are_exported_in_lines(
    case: Listing, served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]
) -> None:
    fake, called = served
    for name, value in case.api.items():
        setattr(fake, name, value)
    assert await called("export", "--executions", *case.words) == Code.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert tuple(each["job"] for each in lines) == case.shows
    assert len({each["id"] for each in lines}) == len(lines)
    assert lines[-1]["slot"] < lines[0]["slot"]


async def test_log_of_an_archived_execution(
    served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]
) -> None:
    fake, called = served
    fake.most = 1
    assert await called("logs", "report", OLD[-1]) == Code.OK
    assert capsys.readouterr().out == f"all of {OLD[-1]}\n"
    fake.gone = True
    assert await called("logs", "report", OLD[0]) == Code.OK
    assert capsys.readouterr().out == f"all of {OLD[0]}\n"
    assert await called("logs", "report", "1-gone") == Code.NOT_FOUND
    assert 'has no execution "1-gone" any more' in capsys.readouterr().err


PARAMETERS = {"parameters": [{"name": "day", "type": "string", "required": False}], "missedRuns": "latest"}


def revision(number: int, *, changed: list[str], differences: list[Any], **job: Any) -> dict[str, Any]:
    """The first one is from before the job had parameters."""
    spec = {"schedule": "@daily", **(PARAMETERS if number > 1 else {})}
    return {
        "generation": number, "hash": f"{number:016x}", "at": f"2026-02-2{number}T00:00:00Z", "by": "ann",
        "changed": changed, "differences": differences, "job": JOB | job, "spec": spec,
    }  # fmt: skip


COMMAND = "report --fast\nmail\n"
REVISIONS = [
    revision(3, changed=["retries", "jobTemplate"],
             differences=[{"field": "retries", "before": 2, "after": 0}, {"field": "jobTemplate", "after": {"a": 1}}]),
    revision(2, changed=["executor_config"], retries=2, differences=[
        {"field": "executor_config", "before": {"command": COMMAND, "cwd": "/"}, "after": JOB["executor_config"]},
    ]),
    revision(1, changed=[], retries=2, executor_config={"command": COMMAND, "cwd": "/"}, differences=[]),
]  # fmt: skip
SHOWN = """\
revision 3, 2026-02-23T00:00:00Z by ann: retries, jobTemplate
  retries: 2 → 0
  jobTemplate.a: none → 1
revision 2, 2026-02-22T00:00:00Z by ann: executor_config
  executor_config.command:
    -report --fast
    +report
     mail
revision 1, 2026-02-21T00:00:00Z by ann
"""


def test_an_earlier_job_of_the_name_is_told_by_its_times() -> None:
    again = [revision(number, changed=[], differences=[]) for number in (2, 1)] + [REVISIONS[2] | {"at": "then"}]
    assert [name for name, _ in named(again)] == ["2", "2026-02-21T00:00:00Z", "then"]


async def test_specs_of_a_job_are_listed(
    served: tuple[FakeArchiveApi, Call], capsys: pytest.CaptureFixture[str]
) -> None:
    fake, called = served
    fake.revisions = REVISIONS
    assert await called("history", "report", "--diff") == Code.OK
    assert capsys.readouterr().out == SHOWN
    await called("history", "report", "--diff", "-c", "1", "--to", "2026-02-22", "-o", "json")
    assert json.loads(capsys.readouterr().out) == [{k: v for k, v in REVISIONS[1].items() if k not in ("job", "spec")}]
    fake.gone = True
    assert await called("history", "report", "--diff") == Code.OK
    fake.archive = False
    assert await called("history", "report", "--diff") == Code.NOT_FOUND
    assert "give dkron-api --archive" in capsys.readouterr().err


@dataclass(frozen=True, kw_only=True)
class Revert:
    """Words behind `revert report`, the answer of a person, what is written, and what is said."""

    words: tuple[str, ...]
    answer: str | None = None
    api: dict[str, Any] = field(default_factory=dict)
    code: Code = Code.OK
    match: str = '"7"'
    written: dict[str, Any] | None = None
    says: tuple[str, ...]


BACK = ("revision 1, 2026-02-21T00:00:00Z by ann", "  retries: 0 → 2", "    -report", "    +report --fast")
OLDEST = {"retries": 2, "executor_config": {"command": COMMAND, "cwd": "/"}}
APPLY = "the REST API does not write parameters; this does: dkronctl revert report 1 -o yaml | kubectl apply -f -"
REVERTS = {
    "yes": Revert(words=("1", "--yes"), api={"spec": {}}, written=OLDEST, says=(*BACK, "has the spec of revision 1\n")),
    "a person says yes": Revert(
        words=("1",), answer="y\n", written=OLDEST, says=("Give report back revision 1? [y/N]", "report has the spec")
    ),
    "a person says no": Revert(
        words=("1",), answer="\n", code=Code.FAILED, says=(*BACK, "nothing was written; answer y, or give --yes")
    ),
    "a program is not asked": Revert(words=("1",), code=Code.FAILED, says=("revision 1", "nothing was written")),
    "a dry run": Revert(words=("1", "--dry-run"), says=(*BACK, APPLY, "(dry run: nothing was written)")),
    "nothing to do": Revert(words=("3", "--yes"), says=("report is as in revision 3 already",)),
    "fields that Dkron does not have": Revert(
        words=("1", "--yes"), written=OLDEST, says=(APPLY, "has the spec of revision 1, except for these fields")
    ),
    "only such fields": Revert(
        words=("3", "--yes"), api={"spec": {"parameters": [{"name": "hour"}]}}, code=Code.FAILED,
        says=("the REST API does not write parameters;", "nothing was written"),
    ),
    "a job that was deleted": Revert(
        words=("2", "--yes"), api={"gone": True}, match="*", written={"retries": 2},
        says=('ann: executor_config\n  name: none → "report"\n  schedule:', "not write parameters;", "of revision 2"),
    ),
    "the whole manifest": Revert(
        words=("2", "-o", "yaml"), says=("kind: DkronJob", "name: report", "schedule: '@daily'", "- name: day")
    ),
    "another client was first": Revert(
        words=("1", "--yes"), api={"busy": True}, code=Code.CONFLICT, says=("no longer has the version",)
    ),
    "another tool manages a field": Revert(
        words=("1", "--yes"), api={"manager": "kubectl"}, code=Code.CONFLICT,
        says=("change it there, or give the output of revert -o yaml to kubectl apply",),
    ),
    "a warning": Revert(
        words=("1", "--yes"), api={"warning": "the job cannot run: x"}, written=OLDEST,
        says=("warning: the job cannot run: x",),
    ),
    "no such revision": Revert(words=("9",), code=Code.NOT_FOUND, says=("has no revision 9",)),
    "no archive": Revert(words=("1",), api={"archive": False}, code=Code.NOT_FOUND, says=("--archive",)),
    "a Dkron": Revert(words=("1",), api={"plain": True}, code=Code.USAGE, says=("keeps no revisions of jobs",)),
}  # fmt: skip


@pytest.mark.parametrize("case", REVERTS.values(), ids=REVERTS)
async def test_a_job_gets_a_spec_back(
    case: Revert,
    served: tuple[FakeArchiveApi, Call],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake, called = served
    fake.revisions = REVISIONS
    for name, value in case.api.items():
        setattr(fake, name, value)
    monkeypatch.setattr(sys, "stdin", Person(case.answer))
    assert await called("revert", "report", *case.words) == case.code
    said = capsys.readouterr()
    assert all(sentence in said.out + said.err for sentence in case.says), said
    written = [(match, {k: v for k, v in body.items() if JOB.get(k) != v}) for match, body in fake.written]
    assert written == ([] if case.written is None else [(case.match, case.written)])
    assert all("success_count" not in body for _, body in fake.written)


QUEUE = {"max": 3, "expires": None, "order": "oldest"}
FORBIDS, QUEUES = {"concurrency": "forbid"}, {"concurrency": "forbid", "queue": QUEUE}


@pytest.mark.parametrize(
    ("current", "then", "wanted"),
    [
        pytest.param(QUEUES, FORBIDS, {**FORBIDS, "queue": None}, id="no queue"),
        pytest.param(FORBIDS, QUEUES, QUEUES, id="a queue"),
        pytest.param(FORBIDS, {"concurrency": "allow"}, {"concurrency": "allow"}, id="none at all"),
    ],
)
def test_way_back_has_the_queue_of_the_revision(current: Any, then: Any, wanted: Any) -> None:
    found, differences = way_back(current, {"job": then})
    assert (found, bool(differences)) == (wanted, True)
    specs = ({"concurrency": "queue", "queue": {"max": 3}}, {"spec": {"concurrency": "forbid"}})
    assert left_out(*specs, {}) == [], "the REST API writes it"


class Person(io.StringIO):
    """A standard input: a terminal if there is an answer, and otherwise of a program that says yes to all."""

    def __init__(self, answer: str | None) -> None:
        super().__init__("y\n" if answer is None else answer)
        self._reads = answer is not None

    def isatty(self) -> bool:
        return self._reads


CLUSTER = {
    "revisions": Listing(words=("history", "backup", "--diff"), code=Code.USAGE, says=("the REST API reads it: give",)),
    "a revert": Listing(words=("revert", "backup", "1"), code=Code.USAGE, says=("the REST API reads it: give",)),
    "a time": Listing(words=("history", "backup", "--from", "yesterday", "-o", "json")),
    "a text": Listing(words=("history", "backup", "--search", "space", "-o", "json")),
    "all jobs": Listing(words=("runs", "--at", "01:30", "-o", "json")),
    "an export": Listing(words=("export", "--executions")),
}


@pytest.mark.parametrize("case", CLUSTER.values(), ids=CLUSTER)
async def test_cluster_answers_from_statuses(
    case: Listing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(options: Any) -> Any:
        return cluster.Cluster(FixedCluster(), "default", everywhere=options.all_namespaces)  # type: ignore[arg-type]

    at_noon(monkeypatch)
    monkeypatch.setattr(cluster, "open_cluster", opened)
    monkeypatch.delenv("DKRON_SERVER", raising=False)
    assert await call(*case.words) == case.code
    said = capsys.readouterr()
    assert all(sentence in said.err for sentence in case.says or ("--server shows older ones",))
    assert ('"job":' in said.out) is (case.code is Code.OK)
