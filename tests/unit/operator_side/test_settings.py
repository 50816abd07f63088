"""Options: each is a flag and an environment variable, and `--help` tells of both."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic_settings import CliApp

from dkron_operator.leader.election import Terms
from dkron_operator.settings import Settings
from dkron_operator.watch.kopf_streams import KopfLogFilter
from dkron_runtime.command import options


@pytest.mark.parametrize(
    ("words", "namespaces", "home"),
    [
        pytest.param((), [], "own", id="none is all of them"),
        pytest.param(("--namespace", "a"), ["a"], "a", id="one"),
        pytest.param(("--namespace", "a", "--namespace", "b"), ["a", "b"], "own", id="repeated"),
        pytest.param(("--namespace", "a, b,"), ["a", "b"], "own", id="separated by commas"),
        pytest.param(("--namespace", "a", "--cluster-namespace", "c"), ["a"], "c", id="its own is named"),
    ],
)
def test_namespace_options_decide_on_scope_and_home(words: tuple[str, ...], namespaces: list[str], home: str) -> None:
    settings = CliApp.run(Settings, cli_args=list(words))
    assert (settings.namespace, settings.home("own")) == (namespaces, home)


def test_a_variable_counts_and_an_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DKRON_NAMESPACE", "a,b")
    monkeypatch.setenv("DKRON_LOG_FORMAT", "text")
    settings = CliApp.run(Settings, cli_args=["--log-format", "json"])
    assert (settings.namespace, settings.log_format) == (["a", "b"], "json")


def test_a_directory_for_output_has_to_be_there(tmp_path: Path) -> None:
    assert CliApp.run(Settings, cli_args=["--output-dir", str(tmp_path)]).output_dir == tmp_path
    for words in ("relative", str(tmp_path / "missing")):
        with pytest.raises(ValueError, match="is not a directory"):
            CliApp.run(Settings, cli_args=["--output-dir", words])


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("4096", 4096), ("64Ki", 1 << 16), ("500Mi", 500 << 20), ("1Gi", 1 << 30), ("2Ti", 2 << 40)],
)
def test_a_quota_for_output(text: str, size: int) -> None:
    assert CliApp.run(Settings, cli_args=["--output-quota", text]).output_quota == size


@pytest.mark.parametrize("text", ["", "-1", "1.5Gi", "1GB", "1 Gi", "all"])
def test_a_quota_is_a_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as"):
        CliApp.run(Settings, cli_args=["--output-quota", text])


def test_lease_terms_match_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    found = CliApp.run(Settings, cli_args=[]).terms()
    assert found == Terms(duration=5, renew_deadline=4.0, retry_period=1.0) == Terms()
    assert (found.glance, found.patience, found.handover) == (0.5, 2.5, timedelta(seconds=9))
    monkeypatch.setenv("DKRON_LEASE_DURATION", "60")
    words = ["--lease-renew-deadline", "40", "--lease-retry-period", "7.5"]
    terms = CliApp.run(Settings, cli_args=words).terms()
    assert terms == Terms(duration=60, renew_deadline=40.0, retry_period=7.5)
    assert (terms.glance, terms.patience, terms.handover) == (3.75, 28.75, timedelta(seconds=90))
    assert Terms(duration=15, renew_deadline=10, retry_period=8).patience == 2.5, "a request always has time"


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(("10", "10", "2"), id="no other may take it while its holder acts"),
        pytest.param(("15", "2.4", "2"), id="it has to be renewed before its holder stops"),
        pytest.param(("0", "10", "2"), id="it has to live"),
        pytest.param(("15", "10", "0"), id="not all the time"),
        pytest.param(("15", "inf", "2"), id="a number"),
        pytest.param(("15", "nan", "2"), id="a number too"),
    ],
)
def test_lease_with_two_holders_or_none_is_refused(
    seconds: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("--lease-duration", "--lease-renew-deadline", "--lease-retry-period")
    words = [word for pair in zip(names, seconds, strict=True) for word in pair]
    monkeypatch.setattr("sys.argv", ["dkron-operator", *words])
    with pytest.raises(SystemExit) as ended:
        options("dkron-operator", Settings)
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert told.startswith("dkron-operator: --lease-")
    assert "Value error" not in told


def test_help_names_every_option_and_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        CliApp.run(Settings, cli_args=["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in text
        assert f"[DKRON_{name.upper()}]" in text


@pytest.mark.parametrize(
    ("name", "message", "level"),
    [
        pytest.param("kopf.watching", "attempt #1/6 failed; will retry", logging.WARNING, id="kopf tries again"),
        pytest.param("kopf.watching", "attempt #6/6 failed; escalating", logging.WARNING, id="we begin again"),
        pytest.param("kopf.watching", "Watcher for jobs has failed: no", logging.WARNING, id="so do watches"),
        pytest.param("dkron_operator", "will retry", logging.ERROR, id="an error of ours"),
    ],
)
def test_retried_error_is_no_error_in_the_log(name: str, message: str, level: int) -> None:
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, (), None)
    assert KopfLogFilter().filter(record)
    assert record.levelno == level


@pytest.mark.parametrize("option", [("--rest-account", "dkron-api"), ("--rest-token-file", "/run/token")])
def test_an_account_and_its_token_go_together(option: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="--rest-account and --rest-token-file go together"):
        CliApp.run(Settings, cli_args=list(option))
