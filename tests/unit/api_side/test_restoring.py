"""Backups on their way back in (Dkron behaviour §1.8): what is taken, in which order, with how much memory."""

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.translate.gojson import encode
from dkron_api.translate.job import echo
from dkron_api.translate.restoring import Dump, Entry, TooLarge, order, read_dump
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.validate import Invalid
from dkron_from_dkron.values import Unreadable

DEEP = 10_000


def job(name: str, parent: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "schedule": "@every 1m", "parent_job": parent, **more}


def dump(*jobs: dict[str, Any] | None) -> Dump:
    return read_dump(json.dumps(jobs).encode())


def names(of: Dump) -> list[str]:
    return [entry.name for entry in order(of)]


def test_backup_restores_each_job_with_all_its_fields() -> None:
    kept = JobBody(
        id="a", name="a", schedule="@daily", success_count=7, error_count=2,
        last_success="2026-01-02T03:04:05.123456789Z",
        tags={"dc": "dc1"}, dependent_jobs=("b",), status="success", processors={"log": {}}, executor="shell",
    )  # fmt: skip
    read = read_dump(b" [\n" + encode(echo(kept)) + b" ,\t" + encode(job("b", "a", displayname="ñ\ud800")) + b"\n] ")
    first, second = order(read)
    assert read.job(first) == kept
    assert (first.number, first.name, first.parent) == (1, "a", "")
    assert (second.number, second.name, second.parent) == (2, "b", "a")
    assert read.job(second).displayname == "ñ\ufffd"


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        pytest.param([job("c"), job("a"), job("b")], ["c", "a", "b"], id="without parents as in the file"),
        pytest.param([job("kid", "par"), job("par")], ["par", "kid"], id="a parent goes before its child"),
        pytest.param([job("c", "b"), job("x"), job("b", "a"), job("a")], ["a", "b", "c", "x"], id="three levels"),
        pytest.param([job("a"), job("b", "a"), job("c", "a")], ["a", "b", "c"], id="siblings as in the file"),
        pytest.param([job("b", "elsewhere"), job("a")], ["b", "a"], id="a parent elsewhere"),
        pytest.param([job("a"), job("b"), job("a")], ["b", "a"], id="the last of one name stands where it stood"),
    ],
)
def test_parents_precede_children_and_others_keep_their_order(jobs: list[dict[str, Any]], expected: list[str]) -> None:
    assert names(dump(*jobs)) == expected


def test_the_last_of_several_jobs_of_one_name_wins() -> None:
    read = dump(job("a", "b", owner="one"), job("b", "a"), job("a", owner="two"))
    first, _ = order(read)
    assert (first.number, read.job(first).owner) == (3, "two")


def test_required_existing_parents_are_reported() -> None:
    assert dump(job("a", "z"), job("b", "a"), job("c", "y"), job("d", "z"), job("e")).outside() == ("y", "z")
    assert read_dump(b" [ ] \n").outside() == ()
    assert order(read_dump(b"[]")) == []


@pytest.mark.parametrize(
    ("jobs", "sentence"),
    [
        pytest.param([job("a", "b"), job("b", "a")], '2 jobs .* in a circle: "a" after "b" after "a"$', id="two jobs"),
        pytest.param(
            [job("x", "a"), job("a", "b"), job("b", "c"), job("c", "a")],
            '3 .*: "a" after "b" after "c" after "a"$',
            id="tail",
        ),
        pytest.param(
            [job(f"j{i}", f"j{(i + 1) % 9}") for i in range(9)],
            '9 .*: "j0" after "j1" .* after "j4" after … after "j0"$',
            id="a large circle is shortened",
        ),
    ],
)
def test_parent_cycle_is_refused_and_named(jobs: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        order(dump(*jobs))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "the file is not a JSON array of jobs", id="an empty file"),
        pytest.param(b"{}", "the file is not a JSON array of jobs", id="an object"),
        pytest.param(b"\xef\xbb\xbf[]", "the file is not a JSON array of jobs", id="a byte order mark"),
        pytest.param(b"[", "the file ends where job 1 was expected", id="an open bracket"),
        pytest.param(b"[{}", "job 1 of the file: name: ", id="the first bad job is told before the missing bracket"),
        pytest.param(b"[] []", "more text follows the array of jobs in the file", id="a second array"),
        pytest.param(
            b'[{"name":"a","schedule":"@daily"} {}]', "neither a comma nor a closing bracket follows job 1", id="comma"
        ),
        pytest.param(b'[{"name":"a","schedule":"@daily"},]', "job 2 of the file: it is not JSON", id="a last comma"),
        pytest.param(b'[{"name":"a","schedule":"@daily"},', "the file ends where job 2 was expected", id="cut off"),
        pytest.param(
            b'[\n{"name":"a","schedule":"@daily"},\n{"name"=1}]',
            "job 2 of the file: it is not JSON: .*: line 3, col",
            id="the place in the file",
        ),
        pytest.param(b"[[]]", "job 1 of the file: it is an array; a job is an object", id="an array of arrays"),
        pytest.param(b"[" + b"[" * 100_000, "job 1 of the file: .* too deep", id="deep nesting"),
        pytest.param(b"[null]", "job 1 of the file: name: ", id="null is a job without a name"),
        pytest.param(b'[{"name":"a","schedule":"x"}]', 'job 1 of the file, "a": schedule: ', id="a bad schedule"),
        pytest.param(b'[{"name":"a","schedule":"x"},{"name":"a"}]', "job 1 of the file", id="it is replaced"),
        pytest.param(b'[{"name":1}]', "job 1 of the file: name: it is the number 1", id="a name that is none"),
    ],
)
def test_invalid_backup_is_refused_and_names_the_job(data: bytes, sentence: str) -> None:
    with pytest.raises((Unreadable, Invalid), match=sentence) as refused:
        read_dump(data)
    assert "\n" not in str(refused.value)


BOTH_WAYS = pytest.mark.parametrize("step", [pytest.param(1, id="leaf first"), pytest.param(-1, id="root first")])


@BOTH_WAYS
def test_a_chain_ten_thousand_deep_is_put_in_order(step: int) -> None:
    chain = [job(f"j{i}", f"j{i + 1}" if i < DEEP - 1 else "") for i in range(DEEP)]
    assert names(dump(*chain[::step])) == [f"j{i}" for i in reversed(range(DEEP))]


class Counted(dict[str, Entry]):
    """Entries that count the lookups."""

    looked = 0

    def get(self, name: str, default: Any = None) -> Any:
        self.looked += 1
        return super().get(name, default)


@BOTH_WAYS
def test_placed_ancestor_is_not_searched_again(step: int) -> None:
    chain = [job(f"j{i}", f"j{i + 1}") for i in range(100)]
    read = dump(*chain[::step])
    entries = Counted(read.entries)
    order(replace(read, entries=entries))
    assert entries.looked == 100


def test_cycle_of_ten_thousand_is_refused_in_a_short_sentence() -> None:
    with pytest.raises(Invalid, match="10000 jobs") as refused:
        order(dump(*(job(f"j{i}", f"j{(i + 1) % DEEP}") for i in range(DEEP))))
    assert len(refused.value.reason) < 400


def test_large_backup_keeps_little_more_than_its_text() -> None:
    data = json.dumps([job(f"j{i}", metadata={f"k{k}": "v" for k in range(20)}) for i in range(2_000)]).encode()
    tracemalloc.start()
    try:
        read = read_dump(data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        json.loads(data)
        _, of_trees = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read.entries) == 2_000
    assert peak < 3 * len(data) < of_trees


some_names = st.sampled_from("abcdefgh")
forests = st.lists(
    st.tuples(some_names, st.just("") | some_names | st.just("elsewhere")).filter(lambda pair: pair[0] != pair[1])
)


@given(forests)
def test_every_file_is_ordered_or_has_a_cycle(pairs: list[tuple[str, str]]) -> None:
    read = dump(*(job(name, parent) for name, parent in pairs))
    parents = dict(pairs)
    try:
        ordered = names(read)
    except Invalid:
        assert any(_leads_back(name, parents) for name in parents)
        return
    assert sorted(ordered) == sorted(parents)
    for name, parent in parents.items():
        assert parent not in parents or ordered.index(parent) < ordered.index(name)
    assert set(read.outside()) == set(parents.values()) - parents.keys() - {""}


def _leads_back(name: str, parents: dict[str, str]) -> bool:
    at = parents.get(name)
    for _ in parents:
        if at == name:
            return True
        at = parents.get(at or "")
    return at == name


@given(st.lists(some_names, unique=True))
def test_file_with_parents_first_keeps_its_order(order_of_names: list[str]) -> None:
    jobs = [job(name, order_of_names[at // 2] if at > 0 else "") for at, name in enumerate(order_of_names)]
    assert names(dump(*jobs)) == order_of_names


@given(
    st.binary()
    | st.lists(st.sampled_from([b"[", b"]", b",", b"{}", b"null", b'{"name":"a","schedule":"@daily"}'])).map(b"".join)
)
def test_any_file_yields_an_order_or_a_refusal(data: bytes) -> None:
    try:
        read = read_dump(data)
    except (Unreadable, Invalid) as exc:
        assert str(exc)  # noqa: PT017 - either outcome is right
    else:
        assert len(order(read)) == len(read.entries)


MIB = 2**20
DEAR = (
    pytest.param(b'[{"name":"a","zz":[' + b"[]," * (5 * MIB), id="lists, of three bytes each"),
    pytest.param(b'[{"name":"a","zz":"' + rb"\n" * (8 * MIB) + rb'\ud83d"}]', id="escapes, of two bytes each"),
    pytest.param(b'[{"name":"a' + b"a" * (16 * MIB), id="a name"),
)


@pytest.mark.parametrize("data", DEAR)
def test_oversized_job_is_refused_unread(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="job 1 of the file is larger than 1048576 bytes"):
            read_dump(data)
        assert tracemalloc.get_traced_memory()[1] < 48 * MIB
    finally:
        tracemalloc.stop()


def test_more_jobs_than_a_restore_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dkron_api.translate.restoring.MOST_JOBS", 3)
    assert names(dump(job("a"), job("b"), job("c"))) == ["a", "b", "c"]
    with pytest.raises(TooLarge, match="more than 3 jobs"):
        dump(job("a"), job("a"), job("a"), job("a"))


@pytest.mark.parametrize("length", [4000, 4090, 4096, 33_000, 300_000])
@pytest.mark.parametrize("text", ["ñ", "\U0001f600", '\\"', "a"])
def test_job_is_read_whole_at_any_share_of_the_file(text: str, length: int) -> None:
    owner = text * (length // len(text.encode()))
    jobs = [job("a", owner=owner), job("b", owner=owner)]
    read = read_dump(json.dumps(jobs, ensure_ascii=False).encode())
    assert [read.job(entry).owner for entry in order(read)] == [owner, owner]


def test_a_mistake_far_into_a_large_file_is_placed() -> None:
    lines = b",\n".join(json.dumps(job(f"j{number}", owner="ñ" * 3000)).encode() for number in range(50))
    with pytest.raises(Unreadable, match=r"job 51 of the file: it is not JSON: .*: line 51, column 14$"):
        read_dump(b"[" + lines + b',\n  {"name":"x"=1}]')
