"""A caller of the REST API with given rights, and a request for each of its routes."""

import json
from dataclasses import dataclass, field

from aiohttp import FormData

from dkron_api.auth.caller import Caller, Need
from dkron_api.settings import AuthMode
from dkron_kube.errors import KubeError
from tests.support.api_app import Api

JOB: dict[str, object] = {
    "name": "backup",
    "schedule": "@every 1h",
    "executor": "shell",
    "executor_config": {"command": "true"},
}
VALID = {"Authorization": "Bearer valid"}


@dataclass
class OneCaller:
    """Recognizes the token `valid`, and allows what begins so."""

    allowed: str | None = None
    """None allows everything."""
    lacking: str = ""
    """A right that is not allowed."""
    trouble: KubeError | None = None
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    """The questions, as policies would match them."""
    address: str = "127.0.0.1"
    how = AuthMode.KUBERNETES
    audiences = ()

    def takes(self, token: str) -> bool:
        return token in {"valid", "wrong"}

    def knows(self, token: str) -> bool:
        return token == "valid"  # noqa: S105

    def recall(self, _: bytes) -> Caller | None:
        return None

    def recall_right(self, caller: Caller, need: Need) -> None:
        """Each is asked about."""

    async def caller(self, token: str, address: str) -> Caller | None:
        assert address == self.address
        if self.trouble is not None:
            raise self.trouble
        return Caller("ci", self.how) if token == "valid" else None  # noqa: S105

    async def allows(self, _: Caller, need: Need) -> bool:
        right = str(need.right)
        self.asked.append(right)
        self.paths.append(need.path)
        return right != self.lacking and (self.allowed is None or right.startswith(self.allowed))


async def send(  # noqa: PLR0917 - each is needed by each call
    api: Api, method: str, template: str, headers: dict[str, str], base: str = ""
) -> tuple[int, str]:
    """Send a request that fits the route. Return the status of the answer, and its body if that is short."""
    path = base + template.format(job="backup", execution="1-x", name="readers", path="x", generation="1")
    data = backup([JOB]) if path.endswith("restore") else json.dumps(JOB)
    runs = method == "POST" and template in {"/v1/jobs/{job}", "/v1/jobs/{job}/run"}
    body = None if method == "GET" or runs else data
    async with api.client.request(method, path, data=body, headers=headers, allow_redirects=False) as answer:
        return answer.status, (await answer.text() if answer.status != 200 else "")


def backup(jobs: list[dict[str, object]]) -> FormData:
    form = FormData()
    form.add_field("file", json.dumps(jobs), filename="backup.json")
    return form
