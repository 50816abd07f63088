"""The revision of the custom resources: a number that grows with each change of what the API server validates and
stores.

An older definition silently drops the fields that it does not know, including those that prevent a run from happening
twice. The programs therefore check the revision before they start. Each definition carries the number in the title of
its schema, which the API server publishes to every client in its OpenAPI document. The definitions themselves are
cluster-scoped, and an installation in one namespace may have no permission to read them.
"""

import re
from collections.abc import Mapping
from typing import Any

from dkron_crds.kinds import KINDS
from dkron_crds.names import GROUP, VERSION

REVISION = 12
"""Raise it with every change of a schema; `make generate` says when. A program accepts newer revisions than its own."""

_IDENTITY = "x-kubernetes-group-version-kind"


def title(kind: str) -> str:
    """Return the title of a kind's schema."""
    return f"{kind}, revision {REVISION}"


def found(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the revision of each kind from the API server's OpenAPI v3 document of our group; 0 if it has none."""
    schemas = document.get("components", {}).get("schemas", {}).values()
    ours = {(GROUP, VERSION, kind.name) for kind in KINDS}
    return {
        identity["kind"]: _number(schema.get("title", ""))
        for schema in schemas
        for identity in schema.get(_IDENTITY, ())
        if (identity["group"], identity["version"], identity["kind"]) in ours
    }


def older(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the kinds whose definitions are older than this program, with their revisions."""
    return {kind: number for kind, number in sorted(found(document).items()) if number < REVISION}


def advice(kinds: Mapping[str, int]) -> str:
    """Return a sentence that these kinds are older than this program, and how to update them."""
    installed = ", ".join(f"{kind} has revision {number}" for kind, number in kinds.items())
    return (
        f"the custom resources in this cluster are older than this program: {installed}, and {REVISION} is needed; "
        "apply the ones of this version: kubectl apply -f crds/, or helm upgrade with crds.enabled=true"
    )


def _number(text: str) -> int:
    match = re.search(r", revision (\d+)$", text)
    return int(match[1]) if match else 0
