"""Jobs as a client of the REST API sends and sees them, for tests that are about more than one answer."""

from collections.abc import Callable
from typing import Any

from tests.support import waiting
from tests.support.api_sites import ApiSite
from tests.support.rest import Answer

SEEN_SECONDS = 60.0


def body(name: str, **fields: Any) -> dict[str, Any]:
    """A job that runs only on request."""
    return {
        "name": name,
        "schedule": "@manually",
        "executor": "shell",
        "executor_config": {"command": "true"},
        **fields,
    }


def save(site: ApiSite, name: str, **fields: Any) -> Answer:
    """Post this job; it has to be taken."""
    answer = site.rest.post("/v1/jobs", body(name, **fields))
    assert answer.status == 201, answer
    return answer


def shown(site: ApiSite, name: str) -> Any:
    """The job as GET shows it."""
    answer = site.rest.get(f"/v1/jobs/{name}")
    assert answer.status == 200, answer
    return answer.json()


def until(site: ApiSite, path: str, holds: Callable[[Answer], object], *, seconds: float = SEEN_SECONDS) -> Answer:
    """GET until the answer is as wanted."""
    return waiting.wait_for(path, lambda: site.rest.get(path), holds, seconds=seconds, guard=site.api.check)
