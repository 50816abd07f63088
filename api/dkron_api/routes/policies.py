"""/v1/acl/policies/{name}: one DkronPolicy (Dkron behaviour §7). /v1/acl/policies, the list, is an addition."""

from http import HTTPStatus

from aiohttp import web

from dkron_api.edge.answers import in_turns, json_answer, list_answer
from dkron_api.edge.keys import KUBE, POLICIES, SETTINGS
from dkron_api.jobs.writer import ANY, Terms
from dkron_api.refusal import ApiError, refusing
from dkron_api.routes.cluster import require_known
from dkron_api.routes.requests import body_of, terms_of
from dkron_api.translate import gojson
from dkron_api.translate.listing import read_query, sliced
from dkron_api.translate.policy import PolicyError, read_policy, show_policy
from dkron_api.translate.record import Object
from dkron_crds.schedule.errors import quoted
from dkron_kube.errors import AlreadyExists, Conflict, NotFound
from dkron_kube.paths import DKRON_POLICIES


async def list_policies(request: web.Request) -> web.StreamResponse:
    """GET /v1/acl/policies: by name."""
    policies = request.app[POLICIES]
    require_known(policies)
    found = sorted(policies, key=lambda policy: str(policy["metadata"]["name"]))
    items = sliced(found, read_query(request.query.items()))
    rendered = (gojson.encode(show_policy(each)) async for each in in_turns(items))
    return await list_answer(request, rendered, headers={"X-Total-Count": str(len(found))})


async def show_policy_by_name(request: web.Request) -> web.StreamResponse:
    """GET /v1/acl/policies/{name}."""
    return _answer(request, _policy_of(request))


async def save_policy(request: web.Request) -> web.StreamResponse:
    """POST /v1/acl/policies/{name}: create the policy, or replace its rules."""
    with refusing(PolicyError):
        wanted = read_policy(await body_of(request), request.match_info["name"])
    stored = await _put(request.app, wanted, terms_of(request))
    request.app[POLICIES].upsert(stored)
    return _answer(request, stored, status=HTTPStatus.ACCEPTED)


async def delete_policy(request: web.Request) -> web.StreamResponse:
    """DELETE /v1/acl/policies/{name}: responds with the deleted policy."""
    app, policy = request.app, _policy_of(request)
    metadata = policy["metadata"]
    if terms_of(request).match not in (None, ANY, metadata["resourceVersion"]):
        raise _another_version(metadata["name"])
    await app[KUBE].delete(DKRON_POLICIES, app[SETTINGS].cluster_namespace, metadata["name"], uid=metadata["uid"])
    app[POLICIES].remove(policy)
    return _answer(request, policy)


def _policy_of(request: web.Request) -> Object:
    policies, name = request.app[POLICIES], request.match_info["name"]
    require_known(policies)
    policy = policies.by_name(name)
    if policy is None:
        raise ApiError(HTTPStatus.NOT_FOUND, f"there is no policy {quoted(name)}")
    return policy


async def _put(app: web.Application, wanted: Object, terms: Terms) -> Object:
    """Replace the rules, or create the policy if there is none, under the client's preconditions."""
    try:
        if not terms.fresh:
            return await _replace(app, wanted, terms)
    except NotFound:
        if terms.match is not None:
            raise _another_version(wanted["metadata"]["name"]) from None
    try:
        return await app[KUBE].create(DKRON_POLICIES, app[SETTINGS].cluster_namespace, wanted)
    except AlreadyExists:
        if terms.fresh:
            raise _another_version(wanted["metadata"]["name"]) from None
        return await _replace(app, wanted, terms)


async def _replace(app: web.Application, wanted: Object, terms: Terms) -> Object:
    name = wanted["metadata"]["name"]
    operations: list[Object] = [{"op": "add", "path": "/spec", "value": wanted["spec"]}]
    if terms.version is not None:
        # The API server compares the version, since the cache may be behind.
        operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": terms.version})
    try:
        return await app[KUBE].json_patch(DKRON_POLICIES, app[SETTINGS].cluster_namespace, name, operations)
    except Conflict as conflict:
        raise _another_version(name) from conflict


def _another_version(name: str) -> ApiError:
    return ApiError(
        HTTPStatus.PRECONDITION_FAILED, f'the policy "{name}" no longer has the version in If-Match; read it again'
    )


def _answer(request: web.Request, policy: Object, *, status: int = HTTPStatus.OK) -> web.Response:
    tag = f'"{policy["metadata"]["resourceVersion"]}"'
    return json_answer(request, show_policy(policy), status=status, headers={"ETag": tag})


ROUTES = (
    web.get("/v1/acl/policies", list_policies, allow_head=False),
    web.get("/v1/acl/policies/{name}", show_policy_by_name, allow_head=False),
    web.post("/v1/acl/policies/{name}", save_policy),
    web.delete("/v1/acl/policies/{name}", delete_policy),
)
