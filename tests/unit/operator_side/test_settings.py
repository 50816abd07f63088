"""Options: each is a flag and an environment variable, and `--help` tells of both."""

import logging
from pathlib import Path

import pytest
from pydantic_settings import CliApp

from dkron_crds.program.image import own_image
from dkron_crds.program.logs import TextFormatter
from dkron_operator.logs import Calm
from dkron_operator.settings import Settings


@pytest.mark.parametrize(
    ("words", "namespaces"),
    [
        pytest.param((), [], id="none is all of them"),
        pytest.param(("--namespace", "a"), ["a"], id="one"),
        pytest.param(("--namespace", "a", "--namespace", "b"), ["a", "b"], id="repeated"),
        pytest.param(("--namespace", "a, b,"), ["a", "b"], id="separated by commas"),
    ],
)
def test_namespaces_on_the_command_line(words: tuple[str, ...], namespaces: list[str]) -> None:
    assert CliApp.run(Settings, cli_args=list(words)).namespace == namespaces


def test_a_variable_counts_and_an_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DKRON_NAMESPACE", "a,b")
    monkeypatch.setenv("DKRON_LOG_FORMAT", "text")
    settings = CliApp.run(Settings, cli_args=["--log-format", "json"])
    assert (settings.namespace, settings.log_format) == (["a", "b"], "json")


@pytest.mark.parametrize(
    ("words", "home"),
    [
        pytest.param((), "own", id="all namespaces are watched"),
        pytest.param(("--namespace", "a"), "a", id="one is watched"),
        pytest.param(("--namespace", "a,b"), "own", id="several are watched"),
        pytest.param(("--namespace", "a", "--cluster-namespace", "c"), "c", id="it is named"),
    ],
)
def test_where_the_installation_is_at_home(words: tuple[str, ...], home: str) -> None:
    assert CliApp.run(Settings, cli_args=list(words)).home("own") == home


def test_monitoring_is_off_until_it_has_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = CliApp.run(Settings, cli_args=[])
    assert (quiet.monitoring_host, quiet.monitoring_port, quiet.metrics_per_job) == ("127.0.0.1", 0, False)
    monkeypatch.setenv("DKRON_MONITORING_HOST", "0.0.0.0")  # noqa: S104 - as in a pod
    monkeypatch.setenv("DKRON_METRICS_PER_JOB", "true")
    told = CliApp.run(Settings, cli_args=["--monitoring-port", "8081"])
    assert (told.monitoring_host, told.monitoring_port, told.metrics_per_job) == ("0.0.0.0", 8081, True)  # noqa: S104
    assert CliApp.run(Settings, cli_args=["--no-metrics-per-job"]).metrics_per_job is False


def test_a_directory_for_output_has_to_be_there(tmp_path: Path) -> None:
    assert CliApp.run(Settings, cli_args=["--output-dir", str(tmp_path)]).output_dir == tmp_path
    for words in ("relative", str(tmp_path / "missing")):
        with pytest.raises(ValueError, match="is no directory"):
            CliApp.run(Settings, cli_args=["--output-dir", words])


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
        pytest.param("kopf.watching", "attempt #6/6 failed; escalating", logging.WARNING, id="we begin anew"),
        pytest.param("kopf.watching", "Watcher for jobs has failed: no", logging.WARNING, id="so do watches"),
        pytest.param("dkron_operator", "will retry", logging.ERROR, id="an error of ours"),
    ],
)
def test_what_is_tried_again_is_no_error(name: str, message: str, level: int) -> None:
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, (), None)
    assert Calm().filter(record)
    assert record.levelno == level


def test_a_line_for_people_ends_with_what_else_is_known() -> None:
    record = logging.makeLogRecord({"msg": "started", "levelname": "INFO", "job": "report"})
    assert TextFormatter("%(levelname)s %(message)s").format(record) == "INFO started  job=report"


def test_executors_run_the_image_of_this_version_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().executor_image == own_image()
    monkeypatch.setenv("DKRON_EXECUTOR_IMAGE", "mirror/own:1")
    assert Settings().executor_image == "mirror/own:1"
