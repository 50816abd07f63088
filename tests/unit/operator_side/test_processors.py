"""Processors: which settings are legal, what is said about the others, and what is made of an execution."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.job import JobSpec
from dkron_crds.receivers import Elasticsearch, Fluent, MailServer, Receivers, SlackTeam, Syslog
from dkron_operator.plan.status.changes import Finished
from dkron_operator.plan.steps.attempts import finished
from dkron_processors import of_job
from dkron_processors.message import Ended, Entry, File, Line, Mail, Post, Record, Refused
from dkron_processors.site import Site
from tests.support.builders import claim, execution, job_view, situation
from tests.support.examples import examples

ALL = Site(
    Receivers(
        mail=(MailServer(name="default", host="mail", sender="dkron@example.com"),),
        slack=(SlackTeam(name="ops", url="https://slack.example.com/x"),),
        elasticsearch=(Elasticsearch(name="default", url="https://es", index="runs", index_date_format="-%Y.%m.%d"),),
        syslog=Syslog(address="udp://log:514"),
        fluent=Fluent(host="fluent", tag="jobs"),
    ),
    output_dir="/var/log/dkron",
)
NOTHING = Site()
GOOD = execution(node_name="n1", exit_code=0)
BAD = execution(success=False, exit_code=3, reason="Error", message="it <broke>")


def spec(**named: dict[str, str]) -> JobSpec:
    return JobSpec(processors=named)


def ended(of: Any = GOOD, output: str = "hello\n") -> Ended:
    return Ended(namespace="default", job="backup", execution=of, output=output)


def only(name: str, config: dict[str, str], of: Any = GOOD, output: str = "hello\n") -> Any:
    """The one message that a processor makes."""
    (parcel,) = of_job.render(spec(**{name: config}), ALL, ended(of, output))
    return parcel.message


@pytest.mark.parametrize(
    "named",
    [
        {"log": {}},
        {"log": {"forward": "true"}, "files": {"forward": "0", "log_dir": "nightly/db"}},
        {"files": {"log_dir": "/var/log/dkron"}},
        {"syslog": {"forward": "T"}},
        {"fluent": {"forward": ""}},
        {"email": {"emails": "a@example.com, b@example.org", "onSuccess": "true", "provider": "default"}},
        {"slack": {"team": "ops", "channel": "#ops", "onSuccess": "false"}},
        {"elasticsearch": {"config": "default", "forward": "true"}},
    ],
    ids="+".join,
)
def test_the_settings_of_dkron_are_taken(named: dict[str, dict[str, str]]) -> None:
    assert of_job.check(JobSpec(processors=named)) == ""


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        pytest.param({"nope": {}}, 'processors: "nope" is not known; use one of elasticsearch, email', id="unknown"),
        pytest.param({"log": {"x": "1"}}, "processors.log.x: no such setting; use forward", id="a setting"),
        pytest.param(
            {"log": {"forward": "yes"}}, 'processors.log.forward: "yes" is neither "true" nor "false"', id="a flag"
        ),
        pytest.param({"email": {}}, "processors.email.emails: it is required", id="one that is missing"),
        pytest.param({"email": {"emails": "a@b, c"}}, 'emails: "c" is not an address', id="an address"),
        pytest.param({"email": {"emails": "a@b\nBcc: x@y"}}, "is not an address", id="an address with a header"),
        pytest.param({"email": {"emails": " , "}}, "one to 20 addresses", id="no address"),
        pytest.param({"files": {"log_dir": "a/../../etc"}}, "files.log_dir", id="a way out of the directory"),
        pytest.param({"slack": {"url": "http://169.254.169.254/"}}, "slack.url: no such setting", id="a url"),
        pytest.param({"elasticsearch": {"url": "http://x"}}, "elasticsearch.url: no such setting", id="older form"),
        pytest.param(
            {"slack": {"team": "secretRef:a/b"}}, "slack.team: a processor takes no secretRef; put", id="a secret"
        ),
    ],
)  # fmt: skip
def test_invalid_processor_is_named(named: dict[str, dict[str, str]], sentence: str) -> None:
    found = of_job.check(JobSpec(processors=named))
    assert sentence in found
    job = job_view(processors=named)
    problem = job.unknown or job.problem
    assert problem is not None
    assert (problem.reason, problem.message) == ("InvalidProcessor", found)


@pytest.mark.parametrize(
    ("name", "config", "lack"),
    [
        pytest.param("log", {}, "", id="a log there is always"),
        pytest.param("files", {}, "processors.files: the operator has no output directory", id="files"),
        pytest.param("syslog", {}, "processors.syslog: the DkronCluster has no spec.receivers.syslog", id="syslog"),
        pytest.param("fluent", {}, "processors.fluent: the DkronCluster has no", id="fluent"),
        pytest.param("email", {"emails": "a@b"}, 'email: provider: "default" is not in spec.receivers.mail', id="mail"),
        pytest.param("slack", {"team": "x"}, 'slack: team: "x" is not in spec.receivers.slack', id="slack"),
        pytest.param("elasticsearch", {}, 'config: "default" is not in spec.receivers.elasticsearch', id="search"),
    ],
)  # fmt: skip
def test_missing_receiver_sends_nothing_and_keeps_the_output(name: str, config: dict[str, str], lack: str) -> None:
    wanted = spec(**{name: config})
    found = of_job.missing(wanted, NOTHING)
    assert lack in found
    assert bool(found) is bool(lack)
    if lack:
        assert of_job.render(wanted, NOTHING, ended()) == ()
        assert of_job.kept(wanted, NOTHING, "default", GOOD) == GOOD


@pytest.mark.parametrize(
    ("named", "output"),
    [
        pytest.param({}, "out", id="none"),
        pytest.param({"log": {}}, "Output in dkron log", id="log"),
        pytest.param({"log": {"forward": "true"}}, "out", id="log, forwarding"),
        pytest.param({"syslog": {}}, "Output in syslog", id="syslog"),
        pytest.param({"fluent": {}}, "Output sent to Fluent", id="fluent"),
        pytest.param({"files": {"log_dir": "a"}}, f"/var/log/dkron/default/a/{GOOD.id}.log", id="files"),
        pytest.param(
            {"files": {"log_dir": "/var/log/dkron/a"}}, f"/var/log/dkron/default/a/{GOOD.id}.log", id="files, in full"
        ),
        pytest.param({"email": {"emails": "a@b"}}, "out", id="email"),
        pytest.param({"slack": {"team": "ops"}}, "out", id="slack"),
        pytest.param({"log": {}, "syslog": {"forward": "true"}}, "Output in dkron log", id="one of two forwards"),
        pytest.param({"syslog": {}, "log": {}}, "Output in dkron log\nOutput in syslog", id="two do not, in order"),
    ],
)
def test_output_kept_by_the_status(named: dict[str, dict[str, str]], output: str) -> None:
    record = GOOD.model_copy(update={"output": "out", "output_truncated": True})
    kept = of_job.kept(JobSpec(processors=named), ALL, "default", record)
    assert (kept.output, kept.output_truncated) == (output, output == "out")
    assert kept.model_copy(update={"output": "out", "output_truncated": True}) == record, "nothing else changes"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        pytest.param({"slack": {"team": "dev"}}, "which offers: ops", id="what is offered is said"),
        pytest.param({"files": {"log_dir": "/etc"}}, "is not in /var/log/dkron", id="a directory elsewhere"),
    ],
)
def test_missing_receiver_is_named(wanted: dict[str, dict[str, str]], says: str) -> None:
    assert says in of_job.missing(JobSpec(processors=wanted), ALL)


def test_log_is_one_line_with_everything_in_it() -> None:
    line = only("log", {}, BAD)
    assert isinstance(line, Line)
    assert not line.success
    assert line.fields.items() >= {"message": "hello\n", "execution": BAD.id, "exit_code": 3}.items()


def test_files_writes_a_file_named_after_the_execution() -> None:
    assert only("files", {"log_dir": "db/nightly"}) == File("default/db/nightly", f"{GOOD.id}.log", "hello\n")


def test_syslog_is_a_message_of_rfc_5424() -> None:
    entry = only("syslog", {})
    assert isinstance(entry, Entry)
    head, _, text = entry.data.decode().partition("\n")
    assert head.startswith("<78>1 2026-03-01T12:00:05Z n1 dkron - - - [default/backup] execution ")
    assert head.endswith(f"{GOOD.id} succeeded")
    assert text == "hello\n"


def test_a_long_output_fits_into_a_datagram_by_its_end() -> None:
    data = only("syslog", {}, output="é" * 100_000 + "end").data
    assert len(data) <= 60_000
    assert data.decode().endswith("éend")
    assert b"<78>1 " in data[:10]


def test_fluent_is_a_record_with_the_fields_of_dkron() -> None:
    record = only("fluent", {})
    assert isinstance(record, Record)
    assert (record.fields["host"], record.fields["job_name"], record.fields["message"]) == ("n1", "backup", "hello\n")
    assert record.chunk == only("fluent", {}).chunk, "sent again, it is the same chunk"


def test_mail_is_sent_for_a_failure_and_optionally_a_success() -> None:
    config = {"emails": "a@example.com,b@example.com"}
    found = only("email", config, BAD)
    assert isinstance(found, Mail)
    assert found.to == ("a@example.com", "b@example.com")
    assert found.subject == "[Dkron] Failed backup execution report"
    assert "failed (Error, exit code 3)" in found.text
    assert found.text.endswith("hello\n")
    assert of_job.render(spec(email=config), ALL, ended(GOOD)) == ()
    success = only("email", {**config, "onSuccess": "true"})
    assert "Success" in success.subject
    assert found.id == only("email", config, BAD).id, "sent again, it is the same mail"


def test_a_message_to_slack_mentions_no_user() -> None:
    post = only("slack", {"team": "ops", "channel": "#x"}, BAD, output="<!channel> ``` & more")
    assert isinstance(post, Post)
    content = json.loads(post.body)
    assert (content["channel"], content["username"]) == ("#x", "dkron")
    assert "&lt;!channel&gt; ''' &amp; more" in content["text"]
    assert "<" not in content["text"]
    assert of_job.render(spec(slack={"team": "ops"}), ALL, ended(GOOD)) == ()


@pytest.mark.parametrize(
    ("channels", "channel", "refused"),
    [
        pytest.param((), "#any", "", id="no list"),
        pytest.param(("#ops", "#team-*"), "#OPS", "", id="a channel of the list"),
        pytest.param(("#ops", "#team-*"), "#team-a", "", id="by a pattern"),
        pytest.param(("#ops",), "", "", id="none named"),
        pytest.param(("#ops",), "@boss", "channel @boss", id="another one"),
        pytest.param(("#ops",), "#ops2", "channel #ops2", id="one that begins like it"),
    ],
)
def test_slack_channel_must_be_allowed_by_the_installation(
    channels: tuple[str, ...], channel: str, refused: str
) -> None:
    site = Site(Receivers(slack=(SlackTeam(name="ops", url="https://slack.example.com/x", channels=channels),)))
    (parcel,) = of_job.render(spec(slack={"team": "ops", "channel": channel}), site, ended(BAD))
    assert parcel.receiver == "slack/ops"
    if refused:
        assert isinstance(parcel.message, Refused)
        assert refused in parcel.message.why
    else:
        assert isinstance(parcel.message, Post)


def test_elasticsearch_stores_under_the_execution_id() -> None:
    post = only("elasticsearch", {})
    assert (post.method, post.path) == ("PUT", f"/runs-2026.03.01/_doc/{GOOD.id}")
    document = json.loads(post.body)
    assert document["@timestamp"] == "2026-03-01T12:00:05Z"
    assert document["message"] == "hello\n"


@settings(max_examples=examples(30))
@given(st.text(), st.text(max_size=40))
def test_whatever_is_printed_each_message_can_be_made(output: str, message: str) -> None:
    named = {"log": {}, "files": {}, "syslog": {}, "fluent": {}, "elasticsearch": {}, "slack": {"team": "ops"}}
    named["email"] = {"emails": "a@b"}
    clean = output.encode("utf-8", "replace").decode()
    failed = execution(success=False, message=message.encode("utf-8", "replace").decode())
    parcels = of_job.render(JobSpec(processors=named), ALL, ended(failed, clean))
    assert len(parcels) == len(named)
    posts = {each.receiver: json.loads(each.message.body) for each in parcels if isinstance(each.message, Post)}
    assert posts["elasticsearch/default"]["message"] == clean
    assert "text" in posts["slack/ops"]


@pytest.mark.parametrize(
    ("named", "told"), [({}, False), ({"syslog": {}}, False), ({"log": {}}, True)], ids=["none", "not there", "log"]
)
def test_record_knows_whether_to_deliver_it(named: dict[str, dict[str, str]], told: bool) -> None:
    found = finished(situation(job_view(processors=named)), execution(claim()), None)
    assert isinstance(found, Finished)
    assert found.deliver is told
