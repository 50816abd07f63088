"""The cache holds the newest version of each object, in whatever order versions arrive."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.cache.object_cache import ObjectCache, plain

Object = dict[str, Any]


def thing(name: str, version: int, **metadata: Any) -> Object:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), **metadata}}


def object_cache() -> ObjectCache[Object]:
    return ObjectCache("things", plain)


def versions(mirrored: ObjectCache[Object]) -> dict[str, int]:
    return {item["metadata"]["name"]: int(item["metadata"]["resourceVersion"]) for item in mirrored}


def version(item: Object | None) -> int | None:
    return None if item is None else int(item["metadata"]["resourceVersion"])


def test_deleted_object_is_not_revived_by_a_late_version() -> None:
    mirrored = object_cache()
    mirrored.upsert(thing("a", 5))
    mirrored.remove(thing("a", 6))
    mirrored.upsert(thing("a", 5))
    assert versions(mirrored) == {}
    mirrored.upsert(thing("a", 7, uid="another"))
    assert versions(mirrored) == {"a": 7}, "a namesake is another object"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_older_of_two_namesakes_is_dropped(order: tuple[int, ...]) -> None:
    both = (thing("a", 5), thing("a", 7, uid="another"))
    mirrored = object_cache()
    for index in order:
        mirrored.upsert(both[index])
    assert versions(mirrored) == {"a": 7}


def test_object_superseded_by_a_namesake_is_not_revived() -> None:
    mirrored = object_cache()
    mirrored.upsert(thing("a", 5))
    mirrored.upsert(thing("a", 7, uid="another"))
    mirrored.remove(thing("a", 8, uid="another"))
    mirrored.upsert(thing("a", 6))
    assert versions(mirrored) == {}


def test_list_drops_older_missing_objects_and_keeps_later_writes() -> None:
    mirrored = object_cache()
    mirrored.upsert(thing("old", 3))
    mirrored.upsert(thing("ours", 12))
    mirrored.replace([thing("listed", 8)], version=10)
    assert versions(mirrored) == {"ours": 12, "listed": 8}
    assert mirrored.ready


def test_an_object_that_waits_for_a_finalizer_is_gone() -> None:
    mirrored = object_cache()
    mirrored.upsert(thing("a", 1))
    mirrored.upsert(thing("a", 2, deletionTimestamp="2026-03-01T12:00:00Z"))
    assert mirrored.by_name("a") is None


def test_versions_that_went_back_start_the_mirror_over() -> None:
    mirrored = object_cache()
    mirrored.replace([thing("a", 50), thing("b", 60)], version=100)
    mirrored.remove(thing("c", 99))
    mirrored.went_back()
    mirrored.replace([thing("a", 20), thing("c", 25)], version=30)
    assert versions(mirrored) == {"a": 20, "c": 25}


def test_listeners_get_the_object_before_and_after() -> None:
    heard: list[tuple[int | None, int | None]] = []

    def changed(before: Object | None, after: Object | None) -> None:
        heard.append((version(before), version(after)))

    mirrored = ObjectCache("things", plain, changed=changed)
    mirrored.upsert(thing("a", 1))
    mirrored.upsert(thing("a", 2))
    mirrored.upsert(thing("a", 1))
    mirrored.remove(thing("a", 3))
    assert heard == [(None, 1), (1, 2), (2, None)]


@given(st.permutations(range(1, 8)), st.sets(st.integers(1, 7)))
def test_whatever_the_order_the_newest_version_wins(order: list[int], repeated: set[int]) -> None:
    mirrored = object_cache()
    for version in [*order, *repeated]:
        mirrored.upsert(thing("a", version))
    assert versions(mirrored) == {"a": 7}
