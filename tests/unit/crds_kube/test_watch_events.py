"""From bytes to events: however the bytes are cut, and whatever they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_kube.errors import Expired, KubeError, Rejected, Unavailable
from dkron_kube.watch_events import Kind, Lines, parse
from tests.support.watching import added, bookmark, error, event, thing

PIECES = st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"a\n", b"\n\n", b""]), max_size=20)


def fed(lines: Lines, pieces: list[bytes]) -> list[bytes]:
    return [line for piece in pieces for line in lines.feed(piece)]


@given(PIECES)
def test_lines_are_the_same_however_the_bytes_are_cut(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert fed(Lines(), pieces) == text.split(b"\n")[:-1]


def test_endless_line_is_bounded() -> None:
    lines = Lines(longest=100)
    assert lines.feed(b"short\n" + b"x" * 90) == [b"short"]
    with pytest.raises(Unavailable, match="longer than 100 bytes"):
        lines.feed(b"x" * 11)


def test_many_lines_may_exceed_the_bound_of_one() -> None:
    assert fed(Lines(longest=10), [b"1234"] + [b"5678\n1234"] * 50) == [b"12345678"] * 50


@pytest.mark.parametrize(
    ("line", "kind", "version"),
    [
        pytest.param(added("a", 7), Kind.ADDED, "7", id="added"),
        pytest.param(event("MODIFIED", thing("a", 8)), Kind.MODIFIED, "8", id="modified"),
        pytest.param(event("DELETED", thing("a", 9)), Kind.DELETED, "9", id="deleted"),
        pytest.param(bookmark(10), Kind.BOOKMARK, "10", id="a bookmark has a version only"),
    ],
)
def test_an_event_has_a_kind_and_a_version(line: bytes, kind: Kind, version: str) -> None:
    found = parse(line)
    assert (found.kind, found.version) == (kind, version)
    assert found.item["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        pytest.param(error(410, "too old", reason="Expired"), Expired, "too old", id="a version that is forgotten"),
        pytest.param(error(403, "no"), Rejected, "no", id="not allowed any more"),
        pytest.param(error(500, "etcd"), Unavailable, "etcd", id="an error within"),
        pytest.param(event("ERROR", {"message": "hm"}), Unavailable, "hm", id="an error without a code"),
        pytest.param(event("ERROR", {}), Unavailable, "HTTP 500", id="an error that says nothing"),
        pytest.param(b"{", Unavailable, "not an event: {", id="half a line"),
        pytest.param(b"\xff", Unavailable, "not an event", id="what is not text"),
        pytest.param(b"[]", Unavailable, "not an event", id="a list"),
        pytest.param(b'{"type": "ADDED"}', Unavailable, "not an event", id="no object"),
        pytest.param(b'{"type": "ERROR", "object": null}', Unavailable, "not an event", id="an error of null"),
        pytest.param(b'{"type": "ERROR", "object": {"code": "x"}}', Unavailable, "not an event", id="a code of text"),
        pytest.param(error(403, details={"causes": ["x"]}), Unavailable, "not an event", id="causes that are none"),
        pytest.param(event("ADDED", {"metadata": {}}), Unavailable, "not an event", id="no version"),
        pytest.param(
            event("ADDED", {"metadata": {"resourceVersion": "x"}}),
            Unavailable,
            "not an event",
            id="a version of letters",
        ),
        pytest.param(event("RENAMED", thing("a", 1)), Unavailable, "not an event", id="an unknown kind"),
    ],
)
def test_invalid_event_is_an_error(line: bytes, kind: type[KubeError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        parse(line)
    assert type(caught.value) is kind


def test_nonsense_is_quoted_in_part_only() -> None:
    with pytest.raises(Unavailable) as caught:
        parse(b"x" * 1_000_000)
    assert len(str(caught.value)) < 400
