"""The specs that a job had: what changed from one to the next, and what a way back would change. Pure."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dkron_cli.core.objects import is_same
from dkron_crds.names import API_VERSION, object_name
from dkron_from_dkron.body import FIELDS
from dkron_from_dkron.spec import kept_of
from dkron_reports.reading import Object, items, mapping, number, objects
from dkron_reports.words import one_line

_OF_THE_SERVER = frozenset(
    {"id", "success_count", "error_count", "last_success", "last_error", "dependent_jobs", "status", "next", "problem"}
)
WRITTEN = tuple(each for each in FIELDS if each not in _OF_THE_SERVER)
"""The fields of a job that a client of the REST API writes."""
NONE = "none"
_LINES = 1
"""Lines of a text that stay the same, shown around each change."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A job in Dkron's JSON, the spec of its DkronJob, and its version on the server. All are empty for a job that is
    gone."""

    raw: Object
    whole: Object
    version: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that has another value."""

    field: str
    before: Any
    after: Any


def differences_of(revision: Object) -> list[Difference]:
    """Return the differences that the server tells of a revision."""
    return [
        Difference(one_line(str(each.get("field") or "")), each.get("before"), each.get("after"))
        for each in objects(revision, "differences")
    ]


def way_back(current: Object, revision: Object) -> tuple[Object, list[Difference]]:
    """Return the job to write for a revision, and what that changes; in a job that is gone, all that is not empty."""
    then = mapping(revision, "job")
    pairs = ((field, current.get(field), then.get(field)) for field in WRITTEN)
    found = [Difference(*each) for each in pairs if not _is_same(*each[1:]) and (current or each[2])]
    wanted = {field: then[field] for field in WRITTEN if field in then}
    # A job without a queue has no such field, and one that is sent without it keeps its queue.
    return wanted | ({"queue": then.get("queue")} if "queue" in current else {}), found


def left_out(now: Mapping[str, Any], revision: Object, wanted: Object) -> list[str]:
    """Return the fields of the DkronJob that would differ from a revision after the job is written by the REST API.
    `now` is the spec of the DkronJob; empty for a job that is gone."""
    parent, then = str(wanted.get("parent_job") or ""), mapping(revision, "spec")
    one, other = (kept_of(dict(each), parent) for each in (now, then))
    fields = sorted({*one, *other} - {"name", "queue"})
    return [one_line(field) for field in fields if not is_same(_only(one, field), _only(other, field))]


def whole(revision: Object, name: str) -> Object:
    """Return the DkronJob of a revision as a manifest."""
    spec = {key: value for key, value in mapping(revision, "spec").items() if key != "name"}
    made = object_name(name)
    more = {"name": name} if made != name else {}
    return {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": made}, "spec": {**more, **spec}}


def named(revisions: Sequence[Object]) -> list[tuple[str, Object]]:
    """Return each revision with what names it: its number, or its time where an earlier job of the same name has had a
    revision with that number."""
    numbers = [number(each, "generation") for each in revisions]
    return [
        (str(each["at"]) if numbers.count(own) > 1 and each.get("at") else str(own), each)
        for own, each in zip(numbers, revisions, strict=True)
    ]


def heading(revision: Object) -> str:
    """Return the line above the differences of a revision: its number, its time, its author, and the fields."""
    by = f" by {revision['by']}" if revision.get("by") else ""
    fields = ", ".join(map(str, items(revision, "changed")))
    at = revision.get("at") or "unknown"
    return one_line(f"revision {number(revision, 'generation')}, {at}{by}{f': {fields}' if fields else ''}")


def difference_lines(found: Iterable[Difference]) -> Iterator[str]:
    """Yield the lines that show differences: a line for each value, and for texts of several lines those that
    changed."""
    for each in found:
        yield from _lines(each.field, each.before, each.after)


def revision_json(revision: Object) -> Object:
    """Return a revision as `history --diff -o json` has it: without the whole job."""
    return {key: value for key, value in revision.items() if key not in ("job", "spec")}


def _lines(field: str, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if _is_same(before, after):
        return
    if all(each is None or isinstance(each, Mapping) for each in (before, after)):
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}, key=str):
            yield from _lines(f"{field}.{key}", old.get(key), new.get(key))
        return
    if any(isinstance(each, str) and "\n" in each for each in (before, after)):
        yield f"  {field}:"
        old_lines, new_lines = (("" if each is None else str(each)).splitlines() for each in (before, after))
        found = list(difflib.unified_diff(old_lines, new_lines, lineterm="", n=_LINES))[2:]
        yield from (f"    {line}" for line in found if not line.startswith("@@"))
        return
    yield f"  {field}: {_value(before)} → {_value(after)}"


def _only(spec: Object, field: str) -> Object:
    return {"spec": {field: spec[field]} if field in spec else {}}


def _is_same(before: Any, after: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether two values are the same; an object without fields is the same as none."""
    return before == after or all(each is None or each == {} for each in (before, after))


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    return NONE if value is None else json.dumps(value, ensure_ascii=False)
