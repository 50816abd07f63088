"""Forms on their way in: what is in the field comes out, however the bytes are cut, and what is no form is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.translate.forms import HEADERS, PARTS, Form, NoForm, TooManyParts, boundary_in

FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x; name=y"\r\n\r\n'
OTHER = b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nsomething\r\n'
END = b"\r\n--b--\r\n"


def content(form: bytes, *, size: int = 65536) -> bytes | None:
    """The field `file` of a form that comes in pieces of this size."""
    found, out = Form("b", "file"), b""
    for start in range(0, len(form), size):
        out += found.feed(form[start : start + size])
    found.end()
    return out if found.found else None


CASES = (
    pytest.param(FILE + b"[]" + END, b"[]", id="only the field"),
    pytest.param(FILE + END, b"", id="an empty field"),
    pytest.param(FILE[:-2] + END, b"", id="a field that ends with its headers"),
    pytest.param(FILE + b"\r\n--a\r\n--" + END, b"\r\n--a\r\n--", id="what is nearly a boundary"),
    pytest.param(FILE + b"\r\n" + END, b"\r\n", id="a line break"),
    pytest.param(b"a preamble\r\n" + FILE + b"x" + END, b"x", id="something before it"),
    pytest.param(OTHER + FILE + b"x" + END, b"x", id="another field before it"),
    pytest.param(FILE + b"x\r\n" + OTHER + b"--b--", b"x", id="another field behind it"),
    pytest.param(FILE.replace(b"--b", b"--b \t") + b"x" + END, b"x", id="spaces behind the boundary"),
    pytest.param(FILE + b"x\r\n--b--what follows", b"x", id="something behind the end"),
    pytest.param(OTHER + b"--b--\r\n", None, id="only another field"),
    pytest.param(b"--b--\r\n", None, id="no field"),
    pytest.param(b"--b\r\n\r\nx" + END, None, id="a part without headers"),
    pytest.param(FILE.lower() + b"x" + END, b"x", id="headers in small letters"),
    pytest.param(FILE.replace(b'"file"', b"file") + b"x" + END, b"x", id="a name without quotes"),
    pytest.param(FILE.replace(b"--b\r\n", b"--b\r\nX-") + b"x" + END, None, id="a name in another header"),
)


@pytest.mark.parametrize("size", [1, 2, 7, 65536])
@pytest.mark.parametrize(("form", "expected"), CASES)
def test_field_content_is_independent_of_chunking(form: bytes, expected: bytes | None, size: int) -> None:
    assert content(form, size=size) == expected


@given(
    st.lists(st.sampled_from((b"\r", b"\n", b"-", b"--", b"b", b"\r\n--", b"\0", b"x")), max_size=12), st.integers(1, 9)
)
def test_any_content_comes_out(pieces: list[bytes], size: int) -> None:
    text = b"".join(pieces)
    if b"\r\n--b" not in b"\r\n" + text:
        assert content(FILE + text + END, size=size) == text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        pytest.param(b"", "ends before its last boundary", id="nothing"),
        pytest.param(FILE + b"x", "ends before its last boundary", id="a field without an end"),
        pytest.param(b"--bx\r\n", "boundary is not on its own line", id="a longer word than the boundary"),
        pytest.param(b"--b" + b" " * 999, "boundary is not on its own line", id="endless spaces"),
        pytest.param(b"\r\n" * HEADERS, "does not begin with the boundary", id="lines without a boundary"),
        pytest.param(b"--b\r\n" + b"X: y\r\n" * HEADERS, "headers of a part", id="endless headers"),
    ],
)
@pytest.mark.parametrize("size", [1, 65536])
def test_invalid_form_is_refused(form: bytes, sentence: str, size: int) -> None:
    with pytest.raises(NoForm, match=sentence):
        content(form, size=size)


@pytest.mark.parametrize("part", [b"--b\r\n\r\n\r\n", OTHER])
def test_form_with_too_many_parts_is_refused_at_the_first_extra(part: bytes) -> None:
    form = Form("b", "file")
    form.feed(part * PARTS)
    with pytest.raises(TooManyParts, match="more than 64 parts"):
        form.feed(part)


def test_other_fields_count_but_are_not_kept() -> None:
    form = Form("b", "file")
    assert form.feed(OTHER + FILE + b"1234567890") == b"1234567890"[: 10 - len(b"\r\n--b") + 1]
    assert form.size == len(b"something") + 10 - len(b"\r\n--b") + 1


def test_the_boundary_of_a_form() -> None:
    assert boundary_in("multipart/form-data; boundary=----WebKitFormBoundaryAbC") == "----WebKitFormBoundaryAbC"
    assert boundary_in('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b"') == "a b"
    for text in ("multipart/form-data", "multipart/form-data; " + "a=b;" * 1800, "", "multipart/form-data; boundary"):
        with pytest.raises(NoForm, match="names no boundary"):
            boundary_in(text)
    for text in ('multipart/form-data; boundary=""', f"multipart/form-data; boundary={'b' * 71}"):
        with pytest.raises(NoForm, match="1 to 70 are allowed"):
            boundary_in(text)
