"""GET /v1/fields: the fields of a job and the settings of each executor, with their descriptions. An addition to
Dkron's API, for user interfaces that offer a form.

`hack/generate/job_fields.py` writes the file from the models and the documentation.
"""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from dkron_api.answer import json_answer

_FILE: Final = Path(__file__).parents[1] / "assets" / "fields.json"


async def show_fields(request: web.Request) -> web.StreamResponse:
    """Return the descriptions. They are the same for every job, and change with the version of the server."""
    return json_answer(request, await asyncio.to_thread(_read))


@cache
def _read() -> bytes:
    return _FILE.read_bytes()


ROUTES = (web.get("/v1/fields", show_fields, allow_head=False),)
