"""Forms on their way in: what is in the field comes out, however the bytes are cut, and what is no form is refused."""

import asyncio
from typing import Any, cast
from unittest.mock import Mock

import pytest
from aiohttp import MultipartReader, StreamReader, web
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.edge.aiohttp_fixes import LINES
from dkron_api.refusal import ApiError
from dkron_api.routes.requests import PARTS, file_of

FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x; name=y"\r\n\r\n'
OTHER = b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nsomething\r\n'
END = b"\r\n--b--\r\n"


async def content(form: bytes, *, size: int = 65536, limit: int = 2**20, boundary: str = "b") -> bytearray | None:
    """The field `file` of a form that comes in pieces of this size."""
    stream = StreamReader(Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    headers = {"Content-Type": f"multipart/form-data; {boundary and f'boundary={boundary}'}"}

    async def multipart() -> MultipartReader:
        return MultipartReader(headers, stream)

    async def send() -> None:
        for start in range(0, len(form), size):
            stream.feed_data(form[start : start + size])
            await asyncio.sleep(0)
        stream.feed_eof()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        return await file_of(cast("web.Request", Mock(multipart=multipart)), "file", limit=limit)


CASES: tuple[Any, ...] = (
    pytest.param(FILE + b"[]" + END, b"[]", id="only the field"),
    pytest.param(FILE + END, b"", id="an empty field"),
    pytest.param(FILE + b"\r\n--a\r\n--" + END, b"\r\n--a\r\n--", id="what is nearly a boundary"),
    pytest.param(b"a preamble\r\n" + FILE + b"x" + END, b"x", id="something before it"),
    pytest.param(OTHER + FILE + b"x" + END, b"x", id="another field before it"),
    pytest.param(FILE + b"x\r\n" + OTHER + b"--b--", b"x", id="another field behind it"),
    pytest.param(FILE + b"x\r\n" + FILE + b"y" + END, b"x", id="the field twice"),
    pytest.param(FILE + b"\xc3\xa4\xc3" + END, "ä\ufffd".encode(), id="what is not UTF-8"),
    pytest.param(OTHER + b"--b--\r\n", None, id="only another field"),
    pytest.param(b"--b\r\n\r\nx" + END, None, id="a part without headers"),
    pytest.param(FILE.replace(b'"file"', b"file") + b"x" + END, b"x", id="a name without quotes"),
)


@pytest.mark.parametrize("size", [1, 7, 65536])
@pytest.mark.parametrize(("form", "expected"), CASES)
async def test_field_content_is_independent_of_chunking(form: bytes, expected: bytes | None, size: int) -> None:
    assert await content(form, size=size) == expected


@given(
    st.lists(st.sampled_from((b"\r", b"\n", b"-", b"--", b"b", b"\r\n--", b"\0", b"x")), max_size=12), st.integers(1, 9)
)
def test_any_content_comes_out(pieces: list[bytes], size: int) -> None:
    text = b"".join(pieces)
    if b"\r\n--b" not in b"\r\n" + text:
        found = asyncio.run(content(FILE + text + END, size=size))
        assert found is not None
        assert bytes(found) == text


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        pytest.param(b"", 400, "the multipart body cannot be read: ", id="nothing"),
        pytest.param(FILE + b"x", 400, "Reading after EOF", id="a field without an end"),
        pytest.param(b"--bx\r\n", 400, "starting boundary", id="a longer word than the boundary"),
        pytest.param(b"--b\r\n" + b"X: y\r\n" * 16384, 400, "Too many headers", id="endless headers"),
        pytest.param(b"\n" * LINES + FILE + END, 400, "more than 1024 lines", id="an endless preamble"),
        pytest.param(OTHER * PARTS + OTHER + b"--b--", 413, "more than 64 parts", id="too many parts"),
        pytest.param(OTHER + FILE + b"x" * 1000 + END, 413, "larger than 999 bytes", id="a form that is too large"),
        pytest.param(
            b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--" + END,
            400,
            "a form, too",
            id="nested",
        ),
    ],
)
async def test_invalid_form_is_refused(form: bytes, status: int, sentence: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ApiError, match=sentence)) as refused:
        await content(form, limit=999)
    assert cast("ApiError", refused.value.exceptions[0]).status == status


async def test_form_needs_a_boundary() -> None:
    for boundary, sentence in (("", "boundary missed"), ("b" * 71, "too long")):
        with pytest.RaisesGroup(pytest.RaisesExc(ApiError, match=sentence)):
            await content(FILE + END, boundary=boundary)
