"""Tables about the REST API, from what decides and what is tested.

The differences from Dkron in docs/rest-api.md come from the table of facts that the tests hold the API against, routes
and rights in docs/security.md from the table by which the API decides.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from dkron_api.auth.caller import Need, Right
from dkron_api.auth.dkron import ACL
from dkron_api.auth.routes import IDENTIFIED, JOBS, NO_RESOURCE, PUBLIC, TABLE, Namespaces, RouteRight
from dkron_crds.names import GROUP
from generate.page import with_part
from tests.conformance.rest.__main__ import markdown

DOCS = Path(__file__).parents[2] / "docs"
DIFFERENCES = "<!-- differences: make generate writes what is between these lines -->\n", "<!-- /differences -->\n"
RIGHTS = (
    "<!-- routes and rights: make generate writes what is between these lines -->\n",
    "<!-- /routes and rights -->\n",
)
HEAD = ("request", "right in the cluster", "capability of a policy")
NAME = "name"
"""Stands for a name in the paths of policies."""
ANY_RIGHT = Right("")
"""Stands for the right of the route."""


def table() -> str:
    """A line for each right, with the requests that need it."""
    rows = [HEAD, ("---",) * len(HEAD), *_routes(), *_more(Namespaces(jobs="", home="")), *_others()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_rights(page: str) -> str:
    """The page with the table of rights between its marks. Raises ValueError for a page without them."""
    return with_part(page, begin=RIGHTS[0], end=RIGHTS[1], part=table())


def with_differences(page: str, part: str) -> str:
    """The page with these differences between their marks. Raises ValueError for a page without them."""
    return with_part(page, begin=DIFFERENCES[0], end=DIFFERENCES[1], part=part)


def _routes() -> Iterator[tuple[str, ...]]:
    for (right, capability), found in groupby(TABLE, lambda each: (_right(each), _capability(each))):
        yield _codes(f"{each.method} {each.path}" for each in found), right, capability


def _right(route: RouteRight) -> str:
    if route.by_body and route.resource == JOBS:
        # Only the body and the cache tell whether the job exists.
        return f"`create {JOBS}`, or `update {JOBS}` if the job exists"
    return f"`{route.verb} {route.resource}`"


def _capability(route: RouteRight) -> str:
    if route.path.startswith(ACL):
        return "none: a management token"
    judged = f" for `{route.judged.replace('{job}', NAME)}`" if route.judged else ""
    return f"`{route.capability}`{judged}"


def _more(where: Namespaces) -> Iterator[tuple[str, ...]]:
    """Rights that a request takes besides, by its query or its body, or to be answered in full."""
    yield (
        "… `GET /v1/stats` and `GET /v1/summary` with the sums of all namespaces, and not only of the jobs of one",
        *_need(where.to_read_all_totals()),
    )
    yield (
        "… executions with more output than records keep (`history.outputBytes`), and a search in outputs (`?q=`)",
        *_need(where.to_read_logs(NAME)),
    )
    yield "… to save or run a job with `?force=true`", *_need(where.to_force(NAME))
    yield "… to run a job with `force` in the body", *_need(where.to_force(NAME))
    yield (
        f"… to run a job with a value, also one that `repeat` copies, that names a Secret, by `secretRef:{NAME}/…`",
        *_need(where.to_use_secret(NAME)),
    )
    yield "… of a job with `?runoncreate`", *_need(where.to_run(NAME))
    yield (
        "… of a job with the executor `kubernetes`, or that changes what runs in the `jobTemplate` of one that exists",
        *_need(where.to_create_pods()),
    )
    yield "… to create a backfill, or have one go on or faster: each job that it runs", *_need(where.to_run(NAME))
    yield "… of these, those that are disabled or paused", *_need(where.to_force(NAME))
    yield "… to pause jobs, for each", "none", _need(where.to_pause(NAME, ANY_RIGHT, named=True))[1]
    yield "… to restore jobs, for each", "none", _need(next(where.to_restore(NAME, ANY_RIGHT, force=False)))[1]
    yield (
        f"… to create a backfill with a parameter that names a Secret, by `secretRef:{NAME}/…`",
        *_need(where.to_use_secret(NAME)),
    )
    yield f"… of a job that names a Secret, by `secretRef:{NAME}/…`", *_need(where.to_use_secret(NAME))


def _need(need: Need) -> tuple[str, str]:
    right = need.right
    group = f".{right.group}" if right.group not in ("", GROUP) else ""
    return f"`{right.verb} {right.resource}{group}`", f"`{need.capability}` for `{need.path}`"


def _others() -> Iterator[tuple[str, ...]]:
    yield from ((f"`GET {path}`", f"`get` of the path `{path}`", "`read`") for path in NO_RESOURCE)
    yield _codes(sorted(IDENTIFIED)), "none: any valid token", "none"
    yield _codes(sorted(PUBLIC)), "none: without a token", "none"


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def files() -> dict[Path, str]:
    """Each page, and its content."""
    api, security = DOCS / "rest-api.md", DOCS / "security.md"
    return {
        api: with_differences(api.read_text(encoding="utf-8"), markdown()),
        security: with_rights(security.read_text(encoding="utf-8")),
    }
