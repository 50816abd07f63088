"""Requests that no client sends on purpose, for hypothesis: JSON, names in paths, headers and queries of every kind.

Values with a meaning are drawn as often as others, so that many get far into the program.
"""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

FIELDS = (
    *("id", "name", "displayname", "timezone", "schedule", "owner", "owner_email", "success_count", "error_count"),
    *("last_success", "last_error", "disabled", "tags", "metadata", "retries", "dependent_jobs", "parent_job"),
    *("processors", "concurrency", "executor", "executor_config", "status", "next", "ephemeral", "starts_at"),
    "expires_at",
)
ODD_TEXTS = (
    *("", "\0", "\x7f", "\x1b[31m", "\n", "e\u0301", "\u202eabc", "\u2028\u2029", "\U0001f600", "\ufeff", "\uffff"),
    *("\ud800", "\udc00", "\ud83d\ude00", "ﬁ", "İ", "ñ", "a" * 600, "a" * 5000, "{job}", "../..", "%2F", "%", "null"),
    *("@daily", "@every 1s", "0 0 0 29 2 *", "TZ=Europe/Madrid 0 0 * * * *", "Europe/Madrid", "forbid", "shell"),
    *("2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-12:00", "2026-01-02T03:04"),
)
ODD_NUMBERS = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "0.0", "3.0", "3e0", "01", "+1", ".5", "1."),
    *(
        "0x10",
        "1_000",
        "9" * 4300,
        "9" * 5000,
        "4294967295",
        "4294967296",
        "9223372036854775808",
        "18446744073709551616",
    ),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037")

texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(exclude_categories=()), max_size=20)
whole_texts = texts.filter(lambda text: as_go_reads(text).count("\ufffd") == text.count("\ufffd"))
"""Those without half of a surrogate pair."""
names = st.sampled_from(("odd-1", "odd-2", "odd_3", "ñ-4")) | texts
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
_maps = st.dictionaries(texts, texts, max_size=4)


@st.composite
def _keys(draw: st.DrawFn) -> str:
    """A field of a job in any case, or anything else."""
    key = draw(st.sampled_from(FIELDS))
    return draw(st.sampled_from((key, key, key, key.upper(), key.title(), key.replace("s", "\u017f"))) | texts)


@st.composite
def _members(draw: st.DrawFn) -> str:
    key = draw(_keys())
    if draw(st.integers(0, 9)) == 0:
        return f"{json.dumps(key)}:{draw(st.sampled_from(ODD_NUMBERS))}"
    value = draw(_maps if key in {"tags", "metadata", "executor_config"} and draw(st.booleans()) else values)
    return f"{_dumped(key)}:{_dumped(value, escaped=draw(st.booleans()))}"


@st.composite
def jobs(draw: st.DrawFn) -> str:
    """JSON that is more or less a job; keys may come twice."""
    members = [f'"name":{_dumped(draw(names))}', '"schedule":"@daily"', *draw(st.lists(_members(), max_size=5))]
    return "{" + ",".join(draw(st.permutations(members))) + "}"


_before = st.sampled_from((b" \t\r\n", b"\xef\xbb\xbf", b"\xc2\xa0", b"\0", b"//\n", b"[")) | st.binary(max_size=8)


@st.composite
def bodies(draw: st.DrawFn, whole: st.SearchStrategy[str] | None = None) -> bytes:
    """The same on its way: whole, cut, with something before, behind or within it, or in another encoding."""
    text = draw(whole if whole is not None else jobs())
    encoding = draw(st.sampled_from(ENCODINGS)) if draw(st.integers(0, 5)) == 0 else "utf-8"
    data = text.encode(encoding, "replace")
    at = draw(st.integers(0, len(data)))
    match draw(st.sampled_from(("whole", "whole", "whole", "cut", "insert", "change", "behind", "before", "nested"))):
        case "cut":
            data = data[:at]
        case "insert":
            data = data[:at] + draw(st.binary(max_size=8)) + data[at:]
        case "change":
            data = data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]
        case "behind":
            data += draw(st.binary(max_size=20))
        case "before":
            data = draw(_before) + data
        case "nested":
            depth = draw(st.sampled_from((3, 500, 995, 1005, 100_000)))
            data = b'{"zz":' + b"[" * depth + b"]" * depth + b"," + data[1:]
    return data


@st.composite
def segments(draw: st.DrawFn) -> str:
    """A name in a path: encoded once, twice, in part, or wrongly."""
    name = draw(names | st.sampled_from(("ñ" * 50, "a" * 300, "a" * 9000, ".", "..", "a/b", "\\", "+", ";", "@")))
    once = quote(name.encode("utf-8", "surrogatepass"), safe="")
    wrong = st.sampled_from(("%", "%zz", "%f1", "%ff", "%ed%a0%80", "%00", "%2F", "%252F", "%2e%2e", "%0d%0aX:%20y"))
    match draw(st.integers(0, 5)):
        case 0:
            return quote(once, safe="")
        case 1:
            return draw(wrong)
        case 2:
            return once + draw(wrong)
        case _:
            return once


_values = st.sampled_from(
    (
        *("", "*", '"abc"', 'W/"1"', '"1","2"', '"' + "9" * 20 + '"', '"' + "9" * 30 + '"', '"0"', "gzip;q=", "*;q=0"),
        *("gzip;q=1e400", ";,;", "bytes=0-10", "bytes=5-1", "application/problem+json", "a" * 5000, "\xff\xfe", "null"),
        *("multipart/form-data", "multipart/form-data; boundary=" + "b" * 100, "application/json; charset=nonsense"),
        *("gzip", "deflate", "br", "zstd", "bogus", "identity", "Thu, 99 Jan 99999 00:00:00 GMT", "Basic \xff", "="),
    )
) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
_header_names = st.sampled_from(
    (
        *("If-Match", "If-None-Match", "If-Modified-Since", "Range", "Accept", "Accept-Encoding", "Accept-Language"),
        *(
            "Content-Type",
            "Content-Encoding",
            "Content-MD5",
            "Cookie",
            "Authorization",
            "X-Dkron-Token",
            "X-Request-Id",
        ),
        *("Last-Event-ID", "Origin", "Sec-Fetch-Site", "Referer", "User-Agent", "Forwarded", "X-Forwarded-For", "Date"),
        *("Expect", "Upgrade", "Via", "TE", "Max-Forwards", "X-HTTP-Method-Override"),
    )
) | st.text(st.sampled_from("abcXYZ-_!#$%&'*+.^`|~09"), min_size=1, max_size=20).map(lambda name: f"X-{name}")


@st.composite
def headers(draw: st.DrawFn) -> list[str]:
    """Lines of a head. One may come twice; what frames the request is not among them."""
    pairs = draw(st.lists(st.tuples(_header_names, _values), min_size=1, max_size=6))
    return [f"{name}: {value}" for name, value in pairs]


_query_keys = st.sampled_from(
    (
        *("q", "status", "disabled", "_sort", "_order", "_start", "_end", "pretty", "days", "count", "force", "types"),
        *("metadata[a]", "metadata[", "metadata]", "metadata[]", "metadata[a][b]", "job", "output_size_limit", "id"),
    )
) | texts.map(lambda text: quote(text.encode("utf-8", "surrogatepass")))
_query_values = st.sampled_from(
    (
        "",
        "-1",
        "+1",
        "1_0",
        "0x10",
        "1e9",
        "9" * 30,
        "%D9%A1",
        "%00",
        "%ff",
        "%",
        "%zz",
        "true",
        "desc",
        "__class__",
        "a=b",
    )
) | texts.map(lambda text: quote(text.encode("utf-8", "surrogatepass")))


@st.composite
def queries(draw: st.DrawFn) -> str:
    """What stands behind the question mark; now and then hundreds of parameters."""
    pairs = draw(st.lists(st.tuples(_query_keys, _query_values), max_size=5))
    text = draw(st.sampled_from("&&&&;")).join(f"{key}={value}" for key, value in pairs)
    return (
        f"{text}{draw(st.sampled_from(('', '', '', '&', '?', '=', '&' * 900, '&a=1' * 900, '&metadata[a]=1' * 90)))}"[
            :7000
        ]
    )


_part_lines = st.sampled_from(
    (
        *('Content-Disposition: form-data; name="file"', 'Content-Disposition: form-data; name="_charset_"'),
        *(
            'Content-Disposition: form-data; name="file"; filename="x"',
            "Content-Disposition: ;;=",
            "Garbage",
            ": x",
            "",
        ),
        *("Content-Type: multipart/mixed", "Content-Type: multipart/mixed; boundary=y", "Content-Length: -7"),
        *("Content-Length: 9", "Content-Length: zz", "Content-Transfer-Encoding: base64", "Content-Encoding: gzip"),
        *("Content-Transfer-Encoding: bogus", "Content-Encoding: bogus", "X: \xff"),
    )
)


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """A multipart body, whole or not, with the boundary `b`."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        lines = draw(st.lists(_part_lines, max_size=3))
        content = draw(st.sampled_from((b"", b"[]", b"null", b"***", b"u" * 100)) | _dumps)
        parts.append(b"--b\r\n" + "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content + b"\r\n")
    data = b"".join(parts) + draw(st.sampled_from((b"--b--\r\n", b"--b--", b"--b", b"", b"--b--\r\nbehind")))
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 0 else data


_dumps = bodies(st.lists(jobs(), max_size=3).map(lambda each: f"[{','.join(each)}]"))


def as_go_reads(text: str) -> str:
    """The text with U+FFFD for half of a pair of surrogates; a pair is one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dumped(value: Any, *, escaped: bool = True) -> str:
    return json.dumps(value, ensure_ascii=escaped)
