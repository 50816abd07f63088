"""GET /openapi.json: the description of this API, for programs and for tools that show it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web

from dkron_api.answer import json_answer
from dkron_api.edge.root import public_path

_DOCUMENT: Final = Path(__file__).parents[1] / "openapi.yaml"


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


ROUTES: Final = (web.get("/openapi.json", show_document, allow_head=False),)
