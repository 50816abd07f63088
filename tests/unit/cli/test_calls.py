"""Calls without a cluster: what is wrong is one sentence and an exit code, and help is there for every command."""

import re
import shlex
from pathlib import Path

import aiohttp
import pytest
import yaml

from dkron_cli.catalog import CATALOG, Entry
from dkron_cli.edge.address import address_of, in_the_clear
from dkron_cli.edge.errors import as_cli_error
from dkron_cli.errors import Code
from dkron_cli.main import load, main
from dkron_kube.errors import AlreadyExists, KubeError, NotFound, Rejected, Unavailable
from tests.support.printed import MARK


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DKRON_SERVER", "DKRON_TOKEN", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param("gett", 2, "Did you mean 'get'?", id="a typing error"),
        pytest.param("get -o xml", 2, "use json, name, wide, yaml", id="a format"),
        pytest.param("get", 5, "the file does not exist; check --kubeconfig", id="no kubeconfig"),
        pytest.param("get --server localhost:1", 5, "no answer from the REST API", id="no server"),
        pytest.param("get --server x -A", 2, "a REST API serves one namespace", id="all namespaces of a server"),
        pytest.param("doctor --server x", 2, "doctor needs a kubeconfig", id="a command for clusters"),
        pytest.param("import nofile -o yaml --prune", 2, "leave out one of them", id="to print and to delete"),
        pytest.param("import cronjobs --server x", 2, "need a kubeconfig", id="CronJobs of a server"),
        pytest.param("run a --timeout 3s", 2, "add one of them", id="a limit of nothing"),
        pytest.param("run a --wait --timeout 3", 2, '--timeout: "3" is not a duration', id="no unit"),
        pytest.param("run a -p day", 2, '-p "day": write NAME=VALUE', id="no value"),
        pytest.param("run a -p day=1 -p day=2", 2, '-p "day": given twice', id="two values"),
        pytest.param("run a --at noon", 2, '--at "noon": write a time of RFC 3339', id="no slot"),
        pytest.param("stop a b --all", 2, "name one execution, or give --all", id="one and all"),
        pytest.param("pause a", 2, "give a reason with --reason", id="no reason"),
        pytest.param("pause a --reason x -l team=a", 2, "name jobs, or give -l", id="names and labels"),
        pytest.param("pause -l team --reason x", 2, '"team" is not a label', id="no label"),
        pytest.param("pause -l '' --reason x", 2, "-l is empty; name a label", id="a pause of labels that are not set"),
        pytest.param(
            "resume -l ''", 2, "-l is empty; name a label", id="the end of a pause of labels that are not set"
        ),
        pytest.param("resume -l '' --name p", 2, "give --name, or name the jobs", id="no labels beside a name"),
        pytest.param("pause -l '' --api-writes", 2, "--api-writes concerns", id="no labels beside --api-writes"),
        pytest.param("run a -f -o json", 2, "leave out one of them", id="an output and an object"),
        pytest.param("pause --reason x --until soon", 2, '--until: "soon" is not a time', id="no end"),
        pytest.param("pause a --api-writes", 2, "--api-writes concerns the REST API", id="two kinds of pauses"),
        pytest.param("resume --name p a", 2, "give --name, or name the jobs", id="a pause and a job"),
        pytest.param("pause --reason x --server x -A", 2, "a REST API serves one namespace", id="a pause of a server"),
        pytest.param("runs", 2, "List DkronRuns, show, await", id="a group without a command"),
        pytest.param("runs -A", 2, "name a command, or give --at", id="a group with an option"),
        pytest.param("runs --at 05:41 list", 2, "leave it out before list", id="a time and a command"),
        pytest.param("runs --at soon", 2, '--at: "soon" is not a time; use 05:41', id="a run at no time"),
        pytest.param("history a --diff --failed", 2, "leave out --state, --failed", id="specs of a result"),
        pytest.param("history -l x=1 --diff", 2, "--diff shows the specs of one JOB", id="specs of labels"),
        pytest.param("export --executions -o yaml", 2, "prints JSON lines; leave out", id="executions as YAML"),
        pytest.param("revert a 0", 2, "the archive has those before it", id="a revision by kubeconfig"),
        pytest.param("runs suspend a", 2, "No such command 'suspend'", id="a run cannot be suspended"),
        pytest.param("runs cancel ''", 2, "the name of a run is empty", id="an empty name of a run"),
        pytest.param("-A runs wait a", 2, "a run is in one namespace; name it with -n", id="a run of namespaces"),
        pytest.param("runs list -A --server x", 2, "a REST API serves one namespace", id="runs of a server"),
        pytest.param("backfills wait a --timeout 3", 2, '--timeout: "3" is not a duration', id="a wait of no unit"),
        pytest.param("retry", 2, "or give --failed", id="retry of nothing"),
        pytest.param("retry --failed --since x", 2, '--since: "x" is not a duration', id="since when"),
        pytest.param("backfill --from 1h", 2, "name a job, or give --selector", id="a backfill of nothing"),
        pytest.param("backfill a --from 1h -l x=1", 2, "name a job, or give --selector", id="a backfill of both"),
        pytest.param("backfill a --from 1h -A", 2, "a backfill belongs to one namespace", id="a backfill of all"),
        pytest.param("backfill a --from 1h --to 2h", 2, "--from must be before --to", id="a backfill backwards"),
        pytest.param("backfill -l x!=1 --from 2h", 2, "is not a label", id="no labels"),
        pytest.param("get a -l team=a", 2, "name jobs, or give -l", id="names beside labels"),
        pytest.param("get -w -o json", 2, "-w shows a table", id="a table for programs"),
        pytest.param("disable", 2, "name jobs, or give -l", id="nothing to disable"),
        pytest.param("disable -l ''", 2, "-l is empty", id="a variable that is not set"),
        pytest.param("stop -l team=a", 2, "give --all", id="stop by labels"),
        pytest.param("retry a 1-a -l team=a", 2, "name jobs, or give -l", id="retry of both"),
        pytest.param("backfill a --from 1h --runs odd", 2, "'odd' is not one of", id="which runs"),
        pytest.param("explain a --at tomorrow", 2, '--at: "tomorrow" is not a time', id="no time"),
        pytest.param("explain a --from 1h --to 2h", 2, "swap them", id="backwards"),
        pytest.param("next * * * * *", 2, "unexpected extra argument", id="without quotes"),
        pytest.param("next @never", 2, '"@never" is not known', id="no schedule"),
        pytest.param("next @daily --tz Mars", 2, '"Mars" is not a time zone', id="no zone"),
        pytest.param("lint nofile", 2, "cannot read nofile", id="no file"),
        pytest.param("can fly", 2, '"fly" is not known; use get', id="no verb"),
        pytest.param("agenda --within 0s", 2, "--within", id="no period"),
        pytest.param("run ''", 2, "the name of a job is empty", id="an empty name"),
        pytest.param("stop '' --all", 2, "the name of a job is empty", id="an empty name for all"),
        pytest.param("-n ../.. get", 2, "is not a valid name of a namespace", id="a path for a namespace"),
        pytest.param("pause a --reason x --until 2020-01-01T00:00:00Z", 2, "is in the past", id="a pause of the past"),
        pytest.param("top --since 7", 2, '--since: "7" is not a duration', id="a period without a unit"),
        pytest.param(
            "next report", 5, "the file does not exist; check --kubeconfig", id="slots of a job without a cluster"
        ),
        pytest.param("secrets --server x", 2, "secrets needs a kubeconfig", id="secrets of a server"),
    ],
)
def test_wrong_calls(words: str, code: int, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*shlex.split(words)) == code
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("server", "address", "clear"),
    [
        pytest.param("dkron.example.org", "https://dkron.example.org", False, id="a name"),
        pytest.param("dkron:8080/base", "https://dkron:8080/base", False, id="a port and a path"),
        pytest.param("10.0.0.1:8080", "https://10.0.0.1:8080", False, id="an address"),
        pytest.param("localhost:8080", "http://localhost:8080", False, id="localhost"),
        pytest.param("127.0.0.9", "http://127.0.0.9", False, id="the loopback"),
        pytest.param("[::1]:8080", "http://[::1]:8080", False, id="the loopback of IPv6"),
        pytest.param("localhost.example.org", "https://localhost.example.org", False, id="a name that begins so"),
        pytest.param("localhost@example.org", "https://localhost@example.org", False, id="a user of that name"),
        pytest.param("[::1", "https://[::1", False, id="no address"),
        pytest.param("http://dkron:8080", "http://dkron:8080", True, id="http"),
        pytest.param("http://localhost:8080", "http://localhost:8080", False, id="http on the loopback"),
        pytest.param("https://dkron", "https://dkron", False, id="https"),
    ],
)
def test_a_server_is_asked_by_https_unless_it_is_near(server: str, address: str, clear: bool) -> None:
    assert (address_of(server), in_the_clear(address_of(server))) == (address, clear)


@pytest.mark.parametrize(
    ("words", "warnings"),
    [
        pytest.param("--token MARK get --server http://192.0.2.1:1", 1, id="another machine"),
        pytest.param("get --server http://192.0.2.1:1", 0, id="no token"),
        pytest.param("--token MARK get --server http://localhost:1", 0, id="this machine"),
        pytest.param("--token-file FILE get --server http://192.0.2.1:1", 1, id="a token of a file"),
        pytest.param("import http://192.0.2.1:1 -o yaml", 1, id="the source of an import"),
    ],
)
def test_a_token_in_the_clear_is_warned_of_once(
    words: str, warnings: int, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words.replace("FILE", str(token_file)).replace("MARK", MARK).split()) == Code.UNREACHABLE
    said = capsys.readouterr().err
    assert said.count("warning: the token goes to http://192.0.2.1:1 unencrypted") == warnings
    assert MARK not in said


@pytest.fixture
def token_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file with a token, in a world without a network."""

    async def _no_network(*_: object, **__: object) -> None:
        raise aiohttp.ClientConnectionError("no network")

    monkeypatch.setattr(aiohttp.ClientSession, "_request", _no_network)
    monkeypatch.setenv("DKRON_SOURCE_TOKEN", MARK)
    (file := tmp_path / "token").write_text(f"{MARK}\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(None, "cannot read", id="no file"),
        pytest.param("", "must contain only a token", id="empty"),
        pytest.param(f"{MARK}\n{MARK}", "in one line", id="two lines"),
        pytest.param(f"{MARK} ñ", "of ASCII", id="no ASCII"),
        pytest.param(MARK * 5000, "must contain only a token", id="too long"),
    ],
)
def test_a_file_without_a_token(
    text: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert call("get", "--server", "localhost:1", "--token-file", str(file)) == Code.USAGE
    said = capsys.readouterr().err
    assert sentence in said
    assert MARK not in said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(Unavailable("x"), Code.UNREACHABLE, id="no answer"),
        pytest.param(Unavailable("x", status=401), Code.FORBIDDEN, id="expired credentials"),
        pytest.param(Rejected("x", status=403), Code.FORBIDDEN, id="no right"),
        pytest.param(Rejected("x", status=422), Code.FAILED, id="invalid"),
        pytest.param(NotFound("x"), Code.NOT_FOUND, id="not there"),
        pytest.param(AlreadyExists("x"), Code.CONFLICT, id="there already"),
    ],
)
def test_errors_of_kubernetes_have_a_code(error: KubeError, code: Code) -> None:
    assert as_cli_error(error).code is code


def test_missing_crds_say_what_to_install() -> None:
    assert "kubectl apply -f crds/" in str(as_cli_error(NotFound("the server could not find the requested resource")))


def test_slots_of_an_expression_need_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("next", "0 30 2 * * *", "--tz", "Europe/Madrid", "-c", "3", "--no-color") == 0
    words, *shown = capsys.readouterr().out.splitlines()
    assert words == "at 02:30 every day, Europe/Madrid"
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT0[01]:30:00Z   [A-Z][a-z]{2} .*02:30:00 CES?T   in ", each) for each in shown[:3]
    )
    assert any("clocks go" in each for each in shown[3:])


def test_date_that_never_comes_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("next", "0 0 0 31 2 *") == 0
    assert capsys.readouterr().out == "never: no date matches the schedule\n"


CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: %s}
spec:
  schedule: "%s"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
"""


def test_cronjobs_of_a_file_convert_without_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text("---\n".join(CRON_JOB % one for one in (("one", "@daily"), ("two", "0 * * * *"))), encoding="utf-8")
    assert call("import", str(file), "-o", "yaml", "-n", "team", "--disabled") == 0
    said = capsys.readouterr()
    found = list(yaml.safe_load_all(said.out))
    assert [each["metadata"] for each in found] == [{"name": name, "namespace": "team"} for name in ("one", "two")]
    assert [each["spec"]["schedule"] for each in found] == ["@daily", "0 0 * * * *"]
    assert all(each["spec"]["disabled"] for each in found)
    assert "two: " in said.err
    file.write_text(CRON_JOB % ("bad", "61 * * * *"), encoding="utf-8")
    assert call("import", str(file), "-o", "json") == Code.FAILED
    said = capsys.readouterr()
    assert (said.out, "bad: cannot be imported" in said.err) == ("", True)


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)
def test_help_starts_with_the_command_summary(entry: Entry) -> None:
    assert load(entry).help.splitlines()[0] == entry.summary


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)
def test_each_help_ends_with_a_call_that_works(entry: Entry) -> None:
    command = load(entry)
    inner = getattr(command, "commands", {})
    for way, each in (((entry.name,), command), *(((entry.name, name), its) for name, its in inner.items())):
        title, example = each.epilog.splitlines()[1:]
        program, *words = shlex.split(example.partition(" > ")[0])
        assert (title, program, *words[: len(way)]) == ("Example:", "dkronctl", *way)
        # It raises for a word that the command does not take.
        shown = each.get_help(each.make_context(way[-1], words[len(way) :]))
        assert shown.splitlines()[-2:] == [f"  {title}", f"  {example}"]


def test_shared_options_stand_before_or_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("--server", "localhost:1", "get"), ("get", "--server", "localhost:1")):
        assert call(*words) == Code.UNREACHABLE
        assert "REST API" in capsys.readouterr().err
