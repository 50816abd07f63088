"""Output of the reading commands in terminals of 80 and 140 columns, about a cluster that is always the same.

After a change that is meant, `GOLDEN=write pytest tests/unit/cli/test_golden.py` writes the texts again; read the diff.
"""

import json
import os
import re
import sys
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dkron_cli.catalog import CATALOG
from dkron_cli.edge import cluster, terminal
from dkron_cli.edge.cluster import Cluster
from dkron_cli.main import main
from tests.support.fixed_cluster import FixedCluster, Noon

GOLDEN = Path(__file__).with_name("golden")
COMMANDS = (
    "get",
    "get -o wide",
    "get --state FAILED",
    "get --state gone",
    "describe backup",
    "describe mail",
    "describe load",
    "describe import",
    "history backup",
    "history backup --failed -o wide",
    "history new",
    "history load",
    "history import",
    "history backup --from 3d --state success",
    "history backup --search store.example",
    "explain backup --from 3d",
    "explain reconcile-accounts-of-all-subsidiaries --from 3m --to now",
    "explain backup --at 2026-03-01T01:30:00Z",
    "explain load --from 6m --to now",
    "explain import --from 3m --to now",
    "agenda --within 2m --crowded 2",
    "top",
    "top --since 7d",
    "runs --at 2026-03-01T01:30:59Z",
    "runs --at now",
    "runs list",
    "runs list backup -o wide",
    "runs describe backup-5d21c07e9a44b3f1",
    "runs wait backup-5d21c07e9a44b3f1",
    "backfills list",
    "backfills list -o wide",
    "backfills describe again",
    "backfills wait of-a-team",
    "next backup -c 2",
    "next off",
    "next @every\x0090s -c 2",
    "lint jobs",
    "secrets",
    "secrets --uses mail",
    "doctor",
)
"""With a NUL for a space within a word."""
ENDS_WITH_AN_ID = re.compile(r" \d{19}-\S+$")
"""People copy it, so it is whole."""
LINTED = """\
apiVersion: dkron.io/v1alpha1
kind: DkronJob
metadata: {name: nightly}
spec:
  schedule: "30 2 * * *"
  retrys: 3
  executor: http
  executorConfig: {method: GET, uri: "https://example.org"}
"""


async def opened(options: Any) -> Cluster:
    return Cluster(FixedCluster(), "default", everywhere=options.all_namespaces)  # type: ignore[arg-type]


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for entry in CATALOG:
        import_module(f"dkron_cli.commands.{entry.target.partition(':')[0]}")
    for name, module in list(sys.modules.items()):
        if name.startswith("dkron_cli.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Noon)
    monkeypatch.setattr(cluster, "open_cluster", opened)
    doctor = import_module("dkron_cli.commands.doctor")
    monkeypatch.setattr(doctor, "version", lambda _: "0.0.1")
    monkeypatch.setattr(doctor, "REVISION", 1)
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    for name in ("DKRON_SERVER", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "nightly.yaml").write_text(LINTED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("width", [80, 140])
def test_reading_commands(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    parts = []
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([word.replace("\0", " ") for word in command.split(" ")])
        said = capsys.readouterr()
        printed = "".join((said.out, *(f"stderr: {line}\n" for line in said.err.splitlines())))
        parts.append(f"$ dkronctl {command.replace(chr(0), ' ')}  # {ended.value.code or 0}\n{printed}")
    text = "\n".join(parts)
    file = GOLDEN / f"{width}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()
    in_tables = [line for part in parts if "-o wide" not in part for line in part.splitlines() if line.count("   ") > 2]
    assert [line for line in in_tables if len(line) > width and not ENDS_WITH_AN_ID.search(line)] == []


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param("explain", "explain backup --from 3d", id="explain"),
        pytest.param("agenda", "agenda --within 2m", id="agenda"),
        pytest.param("top --since", "top --since 7d", id="top --since"),
        pytest.param("summary", "summary", id="summary"),
    ],
)
def test_docs_tell_lists_from_objects(command: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[3].joinpath("docs", "cli.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{command}` | ")]
    with pytest.raises(SystemExit):
        main([*words.split(), "-o", "json"])
    printed = json.loads(capsys.readouterr().out)
    assert isinstance(printed, list) is ("| a list: " in row)
    assert isinstance(printed, dict) is ("| the object of " in row)
