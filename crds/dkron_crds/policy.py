"""The kind DkronPolicy: what the bearer of a token may do, in the shape of a Dkron ACL policy (behaviour §7).

The rules of a Dkron policy file can be pasted under `spec:` as they are.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from dkron_crds.base import LIST_IS_SET, Resource, WireModel
from dkron_crds.names import API_VERSION
from dkron_crds.rules import PATHS_ARE_ABSOLUTE, validations


class Capability(StrEnum):
    """One thing that a request can do."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    LIST = "list"


class PathRule(WireModel):
    """What may be done below one path."""

    capabilities: Annotated[tuple[Capability, ...], Field(max_length=5, json_schema_extra=LIST_IS_SET)]
    """Any of: list (GET /v1/jobs), read (any other GET), create (POST: save, run, toggle, leave, restore),
    update (PUT and PATCH), delete (DELETE). None allows nothing."""


class PolicySpec(WireModel):
    """The paths of the Dkron API that the policy opens. What no path matches is refused."""

    path: Annotated[dict[str, PathRule], Field(max_length=256, json_schema_extra=validations(PATHS_ARE_ABSOLUTE))]
    """A pattern for full request paths, for example /v1/jobs/*/toggle, to what may be done there. "*" stands
    for one segment or the rest of one (/v1/jobs/*/executions*), "**" for any number of segments."""


class DkronPolicy(Resource):
    """A named set of rights in the Dkron API. Tokens refer to it by its name.

    It is read and written by GET, POST and DELETE /v1/acl/policies/NAME, too.
    """

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronPolicy"] = "DkronPolicy"
    spec: PolicySpec
