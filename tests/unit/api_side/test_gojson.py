"""JSON as Go reads and writes it. The shapes below are those at which JSON parsers are known to differ."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dkron_api.translate.gojson import Utf8, decode, encode, indent, value_at
from dkron_from_dkron.values import Pairs, Unreadable

any_text = st.text(st.characters(codec=None, exclude_categories=[]))
clean_text = st.text()


def trees(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | text
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30)


def plain(value: Any) -> Any:
    """Dicts instead of pairs."""
    if isinstance(value, Pairs):
        return {key: plain(item) for key, item in value}
    return [plain(item) for item in value] if isinstance(value, list) else value


def go_string(text: str) -> str:
    """How Go writes a string, one character at a time."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
    escaped = {"<", ">", "&", "\u2028", "\u2029", *map(chr, range(0x20))}

    def written(char: str) -> str:
        if 0xD800 <= ord(char) < 0xE000:
            return "\\ufffd"
        return short.get(char) or (f"\\u{ord(char):04x}" if char in escaped else char)

    return f'"{"".join(map(written, text))}"'


@given(any_text)
@example('<script>&amp;</script>\u2028\u2029\x00\x1f\x7f"\\/\ud800\udfff\udc00\ud800 ñ 😀 \ufffd \ufeff')
def test_every_text_is_written_as_go_writes_it(text: str) -> None:
    assert encode(text).decode() == go_string(text)
    assert encode({text: [text]}).decode() == f"{{{go_string(text)}:[{go_string(text)}]}}"


@given(trees(clean_text))
def test_encoded_value_decodes_unchanged(value: Any) -> None:
    assert plain(decode(encode(value))) == value


def test_dict_order_is_kept_without_extra_whitespace() -> None:
    assert encode({"b": 1, "a": None, "c": [True, (2, "x")]}) == b'{"b":1,"a":null,"c":[true,[2,"x"]]}'


@given(trees(clean_text))
def test_pretty_matches_the_standard_library_except_escapes(value: Any) -> None:
    standard = json.dumps(value, indent=4, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        standard = standard.replace(char, f"\\u{ord(char):04x}")
    assert indent(encode(value)).decode() == standard


@given(trees(clean_text), st.booleans(), st.sampled_from([None, 0, 3, "\t"]))
def test_json_dumps_output_decodes_unchanged(value: Any, ascii_only: bool, spaces: int | str | None) -> None:
    assert plain(decode(json.dumps(value, ensure_ascii=ascii_only, indent=spaces).encode())) == value


def test_objects_keep_their_duplicates_in_order() -> None:
    decoded = decode(b'{"a":1,"A":{"b":[]},"a":2}')
    assert decoded == Pairs([("a", 1), ("A", Pairs([("b", [])])), ("a", 2)])
    assert isinstance(decoded, Pairs)
    assert not isinstance(decode(b"[]"), Pairs)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        pytest.param(b'{"a":1}{"a":2}', {"a": 1}, id="a second value"),
        pytest.param(b'{"a":1}\xff\x00]', {"a": 1}, id="bytes that are no text"),
        pytest.param(b"\r\n\t [1] \r\n", [1], id="white space around it"),
        pytest.param(b"[]" + b"[" * 100_000, [], id="deep nesting"),
        pytest.param(rb'[]"\ud800"', [], id="half of a surrogate pair"),
    ],
)
def test_text_after_the_first_value_is_ignored(data: bytes, value: Any) -> None:
    assert plain(decode(data)) == value


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b'"\xff"', "\ufffd", id="a byte that never occurs"),
        pytest.param(b'"\xe2\x82"', "\ufffd\ufffd", id="a cut character gives one sign per byte"),
        pytest.param(b'"\xe2\x82x"', "\ufffd\ufffdx", id="a character cut by another"),
        pytest.param(b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd", id="a surrogate in UTF-8"),
        pytest.param(b'"\xc0\xaf"', "\ufffd\ufffd", id="an overlong form"),
        pytest.param(b'"\xf4\x90\x80\x80"', "\ufffd" * 4, id="beyond the last code point"),
        pytest.param(rb'"\uD83D\uDE00"', "😀", id="a pair"),
        pytest.param(rb'"\\ud800"', r"\ud800", id="a backslash before what looks like a surrogate"),
        pytest.param(rb'"\u0000\/\b"', "\x00/\b", id="escapes"),
        pytest.param(b'"\x7f\xef\xbb\xbf\xef\xbf\xbf"', "\x7f\ufeff\uffff", id="raw characters that are odd but legal"),
    ],
)
def test_invalid_text_becomes_the_replacement_character_as_in_go(data: bytes, text: str) -> None:
    assert decode(data) == text
    assert decode(b"{%s:[%s]}" % (data, data)) == Pairs([(text, [text])])


BROKEN = [
    # numbers
    "01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "0x1", "1_0", "NaN", "Infinity", "-Infinity", "-NaN", "\uff11",
    # strings
    r'"\x"', r'"\u12"', r'"\u12g4"', r'"\u+123"', r'"\U0041"', '"\t"', '"\x00"', '"\n"', '"', '"\\', '"\\"', "'a'",
    # words
    "nul", "True", "tru", "undefined", "a", "\\u0031",
    # arrays
    ",", "1,", ",1", "1 2", "1,,2", "1;2", "1:2", "[", "{", "}", "1}", "//\n1", "/**/1", "#\n1",
    # objects
    '{"a"}', '{"a":}', '{"a":1,}', "{,}", "{a:1}", "{1:1}", '{"a" 1}', '{"a"::1}', '{"a":1 "b":2}', '{"a":1]',
    "{null:1}",
    # spaces
    "\u00a0", "\f", "\v", "\u2060", "\u2028", "\x00", "\ufeff",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_no_json_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(Unreadable, match="not JSON") as refused:
        decode(f"[{text}]".encode())
    assert refused.value.reason == str(refused.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \n", "it ends where JSON was expected", id="white space only"),
        pytest.param(b"\xef\xbb\xbf{}", "byte order mark", id="a byte order mark"),
        pytest.param("{}".encode("utf-16"), "not JSON", id="UTF-16"),
        pytest.param(b"NaN", "NaN", id="a number that is none"),
        pytest.param(b'{"a":', "line 1, column 6", id="the end too early"),
        pytest.param(b'{\n"a":\n\n  x}', "line 4, column 3", id="the place in several lines"),
        pytest.param(b"[" * 100_000, "too deep", id="arrays in arrays"),
        pytest.param(b'{"a":' * 100_000, "too deep", id="objects in objects"),
        pytest.param(b"[" * 10_001 + b"]" * 10_001, "too deep", id="deeper than Go takes"),
        pytest.param(b"9" * 1_000_000, "thousands of digits", id="a huge number"),
        pytest.param(b'{"a":[-%s]}' % (b"9" * 5000), "thousands of digits", id="a huge number inside"),
        pytest.param(rb'"\ud800"', r"\ud800 is half of a surrogate pair", id="a lone high surrogate"),
        pytest.param(rb'"\uDFFF"', r"\uDFFF is half of a surrogate pair", id="a lone low surrogate"),
        pytest.param(rb'"\udc00\ud800"', r"\udc00 is half", id="surrogates in the wrong order"),
        pytest.param(rb'"\ud800\ud83d\ude00"', "line 1, column 2", id="a high surrogate before a pair"),
        pytest.param(rb'"\\\ud800"', "line 1, column 4", id="a backslash before a surrogate"),
        pytest.param(b'{"a":\n"\\ud800\xff"}', "line 2, column 2", id="a surrogate before an invalid byte"),
        pytest.param(rb'{"\ud800A":1}', "line 1, column 3", id="half of a pair in a key"),
    ],
)
def test_unreadable_json_is_refused_in_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(sentence)) as refused:
        decode(data)
    assert "\n" not in refused.value.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-0", 0),
        ("1E+2", 100.0),
        ("1e999", float("inf")),
        ("18446744073709551616", 2**64),
        ("-1.5e-3", -0.0015),
        ('""', ""),
        ("{}", {}),
        (' [ 1 , {"a" : null} ] ', [1, {"a": None}]),
        ("[" * 200 + "]" * 200, json.loads("[" * 200 + "]" * 200)),
    ],
)
def test_odd_but_legal_json_is_read(text: str, value: Any) -> None:
    assert plain(decode(text.encode())) == value


def _cut(data: bytes, at: int) -> bytes:
    return data[: at % (len(data) + 1)]


json_bytes = trees(any_text).map(lambda value: json.dumps(value).encode())
pieces = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"d800", b"dc00", b"\xff", b"\xed\xa0\x80", b"1e", b"-",
     b"null", b"NaN", b"\xef\xbb\xbf", b"\x00", b" ", b'"name"', b'"NAME"', b"9" * 5000, b"[" * 2000, b'{"a":' * 2000]
)  # fmt: skip


@given(st.binary() | st.builds(_cut, json_bytes, st.integers(0)) | st.lists(pieces, max_size=20).map(b"".join))
@example(b'{"a":"\\ud8')
@example(b'"\\u')
@example(b"-")
def test_any_bytes_decode_to_a_value_or_a_refusal(data: bytes) -> None:
    try:
        value = decode(data)
    except Unreadable as exc:
        assert exc.reason  # noqa: PT017 - either outcome is right
    else:
        # Fails if a surrogate is left.
        json.dumps(plain(value), ensure_ascii=False).encode()


@given(st.binary(), st.integers(1, 5))
def test_text_pieces_encode_like_the_whole(data: bytes, size: int) -> None:
    utf8 = Utf8()
    pieces = [utf8.feed(data[start : start + size]) for start in range(0, len(data), size)]
    whole = data.decode(errors="surrogateescape")
    expected = "".join("\ufffd" if "\ud800" <= ch <= "\udfff" else ch for ch in whole)
    assert b"".join([*pieces, utf8.feed(b"", final=True)]).decode() == expected


_HALVES = ("\\", "\\\\", "\\ud83d", "\\ude00", "ud83d", "ude00", "u", "d8", "\\n", '\\"', "x", "\\uD800", "\\u0041")
_SLOW = re.compile(
    r"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
"""Each escape of a text, and the halves among them: what is meant, at the price of a match for each of them."""
_DECODED = json.JSONDecoder()


@given(st.lists(st.sampled_from(_HALVES)).map("".join))
def test_lone_surrogates_are_found_in_any_position(text: str) -> None:
    quoted = f'"{text}"'
    try:
        value_at(quoted, 0)
        refused = ""
    except Unreadable as exc:
        refused = exc.reason
    assume("not JSON" not in refused)
    whole = _DECODED.raw_decode(quoted)[1]
    halves = [found.start() for found in _SLOW.finditer(quoted, 0, whole) if found[1]]
    assert refused.endswith(f"column {halves[0] + 1}" if halves else "")
    assert bool(refused) is bool(halves)
