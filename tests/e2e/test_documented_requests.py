"""Each command that some pages show, run as they show it, beside an API with the rights that they name.

The pages are read from top to bottom in one shell. The output of a command has to fit the page.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

import localcluster
from demo import install as demo_install
from demo.programs import AUDIENCE
from tests.support.api_sites import ApiSite, api_for
from tests.support.console import Shown, fits, run, shown
from tests.support.old_dkron import DUMP
from tests.support.rest import Rest
from tests.support.rights import Rules, limited_access, permit_reviews
from tests.support.sites import install, namespace, site

pytestmark = [
    pytest.mark.cluster(nodes="real"),
    # It needs no image: it begins while the other worker builds it.
    pytest.mark.timeout(650),
    pytest.mark.skipif(not (which("curl") and which("jq")), reason="the pages use curl and jq"),
]

ROOT = Path(__file__).parents[2]
MAKE = """#!/bin/sh
case "$*" in
  "-s kubeconfig") echo "$KUBECONFIG" ;;
  "-s api-url") echo "$API" ;;
  "-s api-token") echo "$DKRON_TOKEN" ;;
  *) exit 2 ;;
esac
"""
"""What stands for `make` where the README asks it about a demo: the same, about what runs here."""
PAGES = ("concepts", "rest-api", "operations", "recipes", "migrate-from-dkron", "migrate-from-cronjob")
SECONDS = 300


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def documented_rights() -> Rules:
    """The Role that the page tells people to make."""
    (role,) = [text for text in page("rest-api").split("```yaml\n")[1:] if "kind: Role\n" in text]
    rules = yaml.safe_load(role.partition("```")[0])["rules"]
    return {
        (group, resource, *rule.get("resourceNames", ())): tuple(rule["verbs"])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.fixture(params=PAGES)
def documented(request: pytest.FixtureRequest) -> str:
    """The name of a page."""
    return str(request.param)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is: an API beside an operator with its log, and a token for it; and another API,
    as the pages' Dkron."""

    here: ApiSite
    there: ApiSite
    log: Path
    token: str


@pytest.fixture
def place(cluster: localcluster.Cluster, documented: str, tmp_path: Path) -> Iterator[Place]:
    """The API beside an operator; and an API over jobs that no operator runs, as Dkron."""
    install(cluster)
    rights = partial(limited_access, rules=documented_rights(), folder=tmp_path)
    with ExitStack() as stack:
        enter = stack.enter_context
        beside = enter(site(cluster.kubeconfig, purpose=f"docs {documented}", folder=tmp_path))
        beside.operator.start()
        asks = ("--auth", "kubernetes", "--audiences", AUDIENCE)
        here = enter(api_for(beside.kube, tmp_path, *asks, kubeconfig=rights(beside.kube)))
        permit_reviews(beside.kube)
        demo_install.create_account(cluster, beside.kube.namespace)
        token = demo_install.token(cluster, beside.kube.namespace)
        (tmp_path / "old").mkdir()
        there = enter(api_for(enter(namespace(cluster.kubeconfig, "old dkron")), tmp_path / "old"))
        fill(there.rest)
        yield Place(here, there, beside.operator.log, token)


def fill(dkron: Rest) -> None:
    for job in DUMP:
        assert dkron.post("/v1/jobs", job).status == 201


def environment(place: Place, folder: Path) -> dict[str, str]:
    """The variables of a reader: the addresses, a kubectl that means the namespace, and a clean folder."""
    here, there = place.here, place.there
    document: dict[str, Any] = yaml.safe_load(here.kube.kubeconfig.read_text(encoding="utf-8"))
    for context in document["contexts"]:
        context["context"]["namespace"] = here.kube.namespace
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document), encoding="utf-8")
    own_kubectl, own_programs = here.kube.kubeconfig.parent / "bin", Path(sys.executable).parent
    return {
        **os.environ,
        "API": here.api.url,
        "AUTH": f"Authorization: Bearer {place.token}",
        "DKRON_TOKEN": place.token,
        "DKRON": there.api.url,
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{os.environ['PATH']}:{own_kubectl}:{own_programs}",
        "USER": "me",
    }


def complaint(name: str, command: Shown, printed: str) -> str:
    return f"docs/{name}.md:{command.line}: $ {command.command}\nhas printed:\n{printed}\ninstead of:\n{command.output}"


def test_each_command_prints_the_documented_output(place: Place, documented: str, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "operator.log").symlink_to(place.log)
    commands = shown(page(documented))
    assert len(commands) > 5
    printed = run(commands, environment=environment(place, tmp_path), folder=folder, seconds=SECONDS)
    assert len(printed) == len(commands), f"the shell has ended at {commands[len(printed)].command}"
    wrong = [
        complaint(documented, command, text)
        for command, text in zip(commands, printed, strict=True)
        if not fits(text, command.output)
    ]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("documented", ["readme"])
def test_readme_lines_after_the_demo_work_as_written(place: Place, tmp_path: Path) -> None:
    kube = place.here.kube
    kube.apply(yaml.safe_load((ROOT / "examples" / "hello.yaml").read_text(encoding="utf-8")))
    kube.wait_status("hello", "a success", lambda status: status.get("status") == "success")
    commands = shown((ROOT / "README.md").read_text(encoding="utf-8"))
    known = environment(place, tmp_path)
    (tmp_path / "make").write_text(MAKE, encoding="utf-8")
    (tmp_path / "make").chmod(0o755)
    known["PATH"] = f"{tmp_path}:{known['PATH']}"
    *_, listing, coming = run(commands, environment=known, folder=tmp_path, seconds=SECONDS)
    head, row = listing.splitlines()
    shown_head = next(each.output for each in commands if each.output.startswith("NAME")).splitlines()[0]
    assert head.split() == shown_head.split()
    assert row.split()[0] == "hello"
    assert len(json.loads(coming)["next"]) == 2
