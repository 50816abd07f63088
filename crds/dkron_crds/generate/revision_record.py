"""The record of revisions, crds/revisions.txt: the schema digest of each number, so that no number is used twice."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from dkron_crds.revision import REVISION

NAME = "revisions.txt"
HEADER = (
    "# Each revision of the custom resources, and the digest of all that the API server checks and keeps by it.\n"
    "# Written by make generate; the number is REVISION in crds/dkron_crds/revision.py.\n"
)


class RevisionError(Exception):
    """The revision contradicts the record. `str()` says what to do."""


def digest(definitions: Sequence[dict[str, Any]]) -> str:
    """Return a digest of what the API server validates and stores by the definitions, without descriptions and
    columns."""
    versions = [version for each in definitions for version in each["spec"]["versions"]]
    kept = [{key: value for key, value in each.items() if key != "additionalPrinterColumns"} for each in versions]
    return hashlib.sha256(json.dumps(_without_texts(kept), sort_keys=True).encode()).hexdigest()


def recorded(text: str, digest_now: str, *, revision: int = REVISION) -> str:
    """Return the record with this revision in it. Raises `RevisionError` if the number already has another digest, or
    is not the newest."""
    known = _read(text)
    if revision < max(known, default=0):
        raise RevisionError(
            f"REVISION is {revision}, but crds/{NAME} knows {max(known)} already: a revision never sinks"
        )
    if known.get(revision, digest_now) != digest_now:
        raise RevisionError(
            f"the schemas of the custom resources have changed, but REVISION is still {revision}: "
            f"set it to {revision + 1} in crds/dkron_crds/revision.py"
        )
    lines = (f"{number} {value}\n" for number, value in sorted({**known, revision: digest_now}.items()))
    return HEADER + "".join(lines)


def _read(text: str) -> dict[int, str]:
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {int(number): value for number, value in lines}


def _without_texts(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the node without titles and descriptions. A field may also be called title or description; its value is
    a schema, not a string, and stays."""
    if isinstance(node, list):
        return [_without_texts(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_texts(value)
        for key, value in node.items()
        if not (key in ("title", "description") and isinstance(value, str))
    }
