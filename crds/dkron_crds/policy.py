"""The kind DkronPolicy: an access policy in the form of a Dkron ACL policy (behaviour §7).

The rules of a Dkron policy file can be pasted under `spec:` unchanged.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from dkron_crds.base import LIST_IS_SET, Resource, WireModel
from dkron_crds.names import API_VERSION
from dkron_crds.rules import PATHS_ARE_ABSOLUTE, validations


class Capability(StrEnum):
    """One kind of access."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    LIST = "list"


class PathRule(WireModel):
    """The access granted below one path."""

    capabilities: Annotated[tuple[Capability, ...], Field(max_length=5, json_schema_extra=LIST_IS_SET)]
    """Any of: list (GET /v1/jobs), read (any other GET), create (POST: save, run, toggle, leave, restore), update
    (PUT and PATCH), delete (DELETE). An empty list grants nothing."""


class PolicySpec(WireModel):
    """The paths of the Dkron API that the policy grants access to. It grants no access to paths that match none of
    them. Of the patterns that match a path, only the most specific one decides."""

    path: Annotated[dict[str, PathRule], Field(max_length=256, json_schema_extra=validations(PATHS_ARE_ABSOLUTE))]
    """Maps a pattern for full request paths, for example /v1/jobs/*/toggle, to the access granted there. "*" stands
    for one segment or the rest of one (/v1/jobs/*/executions*), "**" for any number of segments."""


class DkronPolicy(Resource):
    """A named set of access rules for the Dkron API.

    A REST API with --auth dkron enforces the policies in the operator's namespace, for the client tokens that name
    them. Otherwise it only stores and shows them. GET, POST and DELETE /v1/acl/policies/NAME also read and write it.
    """

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronPolicy"] = "DkronPolicy"
    spec: PolicySpec
