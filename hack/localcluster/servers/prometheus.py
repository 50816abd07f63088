"""A real Prometheus, and promtool: the ones on PATH, else Debian's, unpacked into the cache of the user."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from localcluster.debian import candidate, unpack
from localcluster.servers.running import HOST, START_SECONDS, free_ports, running
from localcluster.shelves import fetched
from localcluster.waiting import wait_for

PACKAGE = "prometheus"
SCRAPE_INTERVAL = "1s"
QUERY_SECONDS = 30

Sample = Mapping[str, Any]
"""One series of an answer: `metric`, its labels, and `value`, a time and a text."""


class QueryError(Exception):
    """Prometheus refuses a query. Its text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is scraped: the name of the scrape job, `host:port`, and labels that a cluster would add."""

    job: str
    address: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A client of the server."""

    port: int

    def query(self, expression: str) -> list[Sample]:
        """The series that an expression has now. Raises QueryError if it is none, and for a scalar."""
        data = self._get("/api/v1/query", query=expression)
        if data["resultType"] != "vector":
            raise QueryError(f"a {data['resultType']}, not series: {expression}")
        return list(data["result"])

    def label_values(self, label: str, selector: str) -> list[str]:
        """The values of a label, over all series that are selected."""
        return list(self._get(f"/api/v1/label/{label}/values", **{"match[]": selector}))

    def targets(self) -> list[Mapping[str, Any]]:
        """The scraped targets, each with `health` and `lastError`."""
        return list(self._get("/api/v1/targets")["activeTargets"])

    def rules(self) -> list[Mapping[str, Any]]:
        """The rules of all groups, each with `health`, `lastError` and `state`."""
        return [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def missing(self) -> str:
        """Why it does not answer queries yet: it listens before it has read its data. Empty if it does."""
        status, text = self._ask("/-/ready")
        return "" if status == HTTPStatus.OK else f"it answers {status}: {text.decode().strip()}"

    def _get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON, whose form the path decides
        _, text = self._ask(f"{path}?{urlencode(parameters)}")
        answer = json.loads(text)
        if answer["status"] != "success":
            raise QueryError(f"{answer['error']}: {parameters or path}")
        return answer["data"]

    def _ask(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection(HOST, self.port, timeout=QUERY_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def find(program: str) -> Path:
    """The path of `prometheus` or `promtool`."""
    installed = shutil.which(program)
    if installed is not None:
        return Path(installed)
    return fetched("tools", PACKAGE, candidate(PACKAGE), partial(unpack, PACKAGE)) / "usr" / "bin" / program


@contextmanager
def prometheus(folder: Path, targets: list[Target], *, rules: Path) -> Iterator[Prometheus]:
    """A server that scrapes these every second, and evaluates the rules of a file as often."""
    (port,) = free_ports(1)
    shutil.copy(rules, folder / "rules.yaml")
    # JSON is YAML.
    (folder / "prometheus.yaml").write_text(json.dumps(_configuration(targets)), encoding="utf-8")
    arguments = [
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
    ]
    with running([find("prometheus"), *arguments], port=port, folder=folder):
        server = Prometheus(port)
        wait_for("Prometheus", seconds=START_SECONDS, missing=server.missing)
        yield server


def _configuration(targets: list[Target]) -> dict[str, Any]:
    return {
        "global": {
            "scrape_interval": SCRAPE_INTERVAL,
            "scrape_timeout": SCRAPE_INTERVAL,
            "evaluation_interval": SCRAPE_INTERVAL,
        },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": target.job,
                "static_configs": [{"targets": [target.address], "labels": dict(target.labels)}],
            }
            for target in targets
        ],
    }
