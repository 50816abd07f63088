"""No test prints a secret: neither what it captures of our code nor the log of a process of ours may hold one. A plugin
of pytest. `hack/stages.py` looks through the rest, what pytest itself prints."""

from collections.abc import Generator
from typing import Any

import pytest

from stages import MARK, lines_with_secrets

__all__ = ["MARK", "assert_no_secret"]


def assert_no_secret(what: str, text: str) -> None:
    """Raise AssertionError with the lines of a text that hold a secret."""
    found = lines_with_secrets(text)
    assert not found, f"{what} has printed secrets:\n" + "\n".join(found[:5])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001 - named by pytest
    call: pytest.CallInfo[Any],  # noqa: ARG001
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The output captured in this phase of a test."""
    report = yield
    captured = "\n".join(text for title, text in report.sections if title.endswith(f" {report.when}"))
    found = lines_with_secrets(captured)
    if found and report.passed:
        report.outcome = "failed"
        report.longrepr = "the test has printed secrets:\n" + "\n".join(found[:5])
    return report
