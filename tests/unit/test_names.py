"""The mapping from Dkron names to object names: total, stable, legal, and never two names on one object."""

import re
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from dkron_crds.job import JobSpec
from dkron_crds.names import check_name, is_legal, is_own_name, object_name

DNS_1123_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

letters = st.characters(categories=["Ll"], include_characters="0123456789_-")
names = st.text(letters, min_size=1, max_size=80)
hashed_names = st.builds("{}-{}".format, names, st.text("0123456789abcdef", min_size=8, max_size=8))
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", fullmatch=True)


@given(names)
@example("-")
@example("_")
@example("ß")
@example("x" * 5000)
@example("a" * 43 + "_")
@example("a" * 42 + "_" * 20)
def test_every_legal_name_maps_to_a_label_of_52_characters(name: str) -> None:
    mapped = object_name(name)
    assert DNS_1123_LABEL.fullmatch(mapped)
    assert len(mapped) <= 52


@given(labels.filter(lambda label: not re.fullmatch(r".*-[0-9a-f]{8}", label)))
def test_label_without_a_hash_suffix_is_its_own_object_name(label: str) -> None:
    assert object_name(label) == label


@given(names | hashed_names)
@example("a_b")
def test_mapped_object_name_never_maps_to_itself(name: str) -> None:
    mapped = object_name(name)
    if mapped != name:
        assert not is_own_name(mapped)
        assert object_name(mapped) != mapped


@given(st.lists(names | hashed_names | labels, min_size=2, max_size=20, unique=True))
@example(["a_b", "a-b", object_name("a_b"), object_name(object_name("a_b"))])
@example(["x" * 53, "x" * 54, "x" * 43, object_name("x" * 53)])
@example(["ñ", "n", "n-", "-n", "_n", "ñ-"])
def test_no_two_names_share_an_object(some: list[str]) -> None:
    assert len({object_name(name) for name in some}) == len(some)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("nightly", "nightly", id="a label"),
        pytest.param("1", "1", id="one digit"),
        pytest.param("a" * 52, "a" * 52, id="the longest label"),
        pytest.param("a" * 53, "a" * 43 + "-abe346a7", id="one character too long"),
        pytest.param("test_job", "test-job-340ec9da", id="an underscore"),
        pytest.param("ñandú", "nandu-43dbd6bf", id="accents go"),
        pytest.param("джоб", "job-4b25bbca", id="nothing left of it in ASCII"),
        pytest.param("-", "job-3973e022", id="only a hyphen"),
        pytest.param("nightly-", "nightly-92c66384", id="a hyphen at the end"),
        pytest.param("backup-20260101", "backup-20260101-017b35e8", id="a date at the end looks like a hash"),
        pytest.param("a" * 42 + "_b", "a" * 42 + "-704bcad9", id="the cut slug ends in no hyphen"),
    ],
)
def test_the_mapping_never_changes(name: str, expected: str) -> None:
    assert object_name(name) == expected


@pytest.mark.parametrize(
    "name",
    ["nightly", "a_b", "ñandú", "джоб", "0", "_", "-", "a--b", "ﬁ", "x" * 5000],
)
def test_dkron_takes(name: str) -> None:
    assert is_legal(name)
    check_name(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("", "the job name is empty", id="nothing"),
        pytest.param("Nightly", "illegal character 'N' at position 1", id="upper case"),
        pytest.param("a.b", "illegal character '.' at position 2", id="a dot"),
        pytest.param("a b", "illegal character ' ' at position 2", id="a space"),
        pytest.param("a/b", "illegal character '/' at position 2", id="a slash"),
        pytest.param("仕事", "illegal character '仕' at position 1", id="letters without case"),
        pytest.param("a٣", "illegal character '٣' at position 2", id="digits of another script"),
        pytest.param("aª", "illegal character 'ª' at position 2", id="an ordinal is no lower-case letter"),
        pytest.param("a\n", r"illegal character '\n' at position 2", id="a line break at the end"),
        pytest.param("a\ud800", r"illegal character '\ud800' at position 2", id="half a surrogate pair"),
        pytest.param("x" * 300 + "!", "x…' has an illegal character '!' at position 301", id="a long one is cut"),
    ],
)
def test_dkron_refuses_and_we_say_why(name: str, sentence: str) -> None:
    assert not is_legal(name)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_name(name)


def test_schema_pattern_agrees_with_python_on_every_character() -> None:
    disagreed = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        # Regex engines may know letters that this Python does not, but never the other way round.
        if unicodedata.category(char) not in ("Cs", "Cn") and _taken_by_the_model(char) != is_legal(char)
    ]
    assert disagreed == []


def _taken_by_the_model(name: str) -> bool:
    try:
        JobSpec(name=name)
    except ValidationError:
        return False
    return True
