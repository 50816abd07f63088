"""GET /openapi.json: the description of this API. GET /v1/fields, an addition to Dkron's API for user interfaces that
offer a form: the fields of a job and the settings of each executor.

`hack/generate/job_fields.py` writes the fields from the models and the documentation.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web

from dkron_api.edge.answers import json_answer
from dkron_api.edge.urls import public_path

_DOCUMENT: Final = Path(__file__).parents[1] / "openapi.yaml"
_FIELDS: Final = Path(__file__).parents[1] / "assets" / "fields.json"


def document() -> dict[str, Any]:
    """Return the OpenAPI document as plain data."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parsed: dict[str, Any] = yaml.load(_DOCUMENT.read_bytes(), Loader=loader)  # noqa: S506 - both loaders are safe
    return parsed


async def show_document(request: web.Request) -> web.StreamResponse:
    """Return the document. Its server is the address at which this request reached the API."""
    return json_answer(request, _rendered_document(public_path(request, "/")))


@cache
def _rendered_document(server: str) -> bytes:
    described = document()
    described["servers"][0]["url"] = server
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()


async def show_fields(request: web.Request) -> web.StreamResponse:
    """Return the descriptions. They are the same for every job, and change with the version of the server."""
    return json_answer(request, _read_fields())


@cache
def _read_fields() -> bytes:
    return _FIELDS.read_bytes()


ROUTES: Final = (
    web.get("/openapi.json", show_document, allow_head=False),
    web.get("/v1/fields", show_fields, allow_head=False),
)
