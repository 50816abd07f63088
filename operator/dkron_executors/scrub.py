"""Removes secrets from everything that the pod prints, even if a server or a client library repeats them."""

import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
UNCHANGED = ("utf-8", "surrogateescape")
"""The encoding by which Python reads the environment."""
SHORTEST = 4
"""Characters. A shorter text occurs everywhere and is not a secret."""
UNESCAPED = "!'()*"
"""What JavaScript's encodeURIComponent leaves as it is, unlike Python's `quote`."""
_CREDENTIALS = re.compile(r"(?:Basic|Bearer|Token|Key|ApiKey|Api-Key)[ \t]+(?P<credentials>\S+)", re.IGNORECASE)
"""The value of an `Authorization` header: a scheme, and a token or a password."""
_ESCAPE = re.compile("%[0-9A-F]{2}")


class Scrub:
    """Replaces the values of Secrets, in all forms in which they may reappear, and all passwords in URLs."""

    def __init__(self, values: Iterable[str], *, secrets: Iterable[str]) -> None:
        logins = [login for value in values for login in _logins(value)]
        parts = {password for _, password in logins} | {unquote(password) for _, password in logins}
        parts |= {part for secret in secrets for part in _parts(secret)}
        forms = {form for part in parts for form in _forms(_printable(part))}
        # The user is not a secret, but base64 encodes user and password together.
        forms |= {form for login in logins for form in _in_base64(_printable(":".join(map(unquote, login))))}
        # Longest first, since one form may be part of another.
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form))

    def line(self, text: str) -> str:
        """Return the text in one line, without secrets."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return " ".join(text.encode("utf-8", "backslashreplace").decode().split())

    def output(self, output: bytes) -> bytes:
        """Return the bytes without secrets."""
        for form in self._forms:
            output = output.replace(_as_bytes(form), MASK.encode())
        return output


def _parts(secret: str) -> Iterator[str]:
    """Yield the value, its lines, and the secret parts of a URL, of credentials and of JSON."""
    yield secret
    yield from (line.strip() for line in secret.splitlines())
    yield from _of_credentials(secret)
    if "://" in secret:
        yield from _of_address(secret)
    if secret.lstrip()[:1] in ("[", "{"):
        yield from _of_json(secret)


def _of_address(address: str) -> Iterator[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    yield f"{parts.path}?{parts.query}" if parts.query else parts.path.rstrip("/")
    yield parts.query
    if parts.username:
        yield parts.username
        yield unquote(parts.username)
        yield f"{unquote(parts.username)}:{unquote(parts.password or '')}"


def _of_credentials(text: str) -> Iterator[str]:
    """Yield the secret parts of a header's value: what follows the scheme, and user and password of Basic."""
    found = _CREDENTIALS.fullmatch(text.strip())
    credentials = found["credentials"] if found else text.strip()
    if found:
        yield credentials
    pair = _decoded(credentials)
    if ":" in pair:
        yield pair
        yield pair.partition(":")[2]


def _decoded(credentials: str) -> str:
    """Return the text that these letters stand for in base64; empty if they stand for none."""
    letters = credentials.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(letters + "=" * (-len(letters) % 4), validate=True).decode()
    except ValueError:
        return ""


def _of_json(text: str) -> Iterator[str]:
    """Yield the strings, and the value of each `Name: value`, as in `headers`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    for item in found if isinstance(found, list) else found.values():
        if isinstance(item, str):
            yield item
            value = item.partition(":")[2].strip()
            yield value
            yield from _of_credentials(value)


def _logins(text: str) -> Iterator[tuple[str, str]]:
    """Yield users and passwords in a list of URLs, `amqp://user:password@host,…`, as they stand there."""
    for address in text.split(",") if "://" in text and "@" in text else ():
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            continue
        if parts.password:
            yield parts.username or "", parts.password


def _forms(text: str) -> Iterator[str]:
    """Yield the text itself, and as encoded in URLs, JSON, Python and basic authentication."""
    yield text
    yield text.strip()
    raw = _as_bytes(text)
    for encode in (quote, partial(quote, safe=""), partial(quote, safe=UNESCAPED), quote_plus):
        encoded = encode(raw)
        yield encoded
        yield _ESCAPE.sub(lambda escape: escape[0].lower(), encoded)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield from _in_base64(text)


def _in_base64(text: str) -> Iterator[str]:
    """Yield the text in base64 with both alphabets: with and without padding, and as it looks after other bytes, such
    as a password after `user:`."""
    encodings = [_as_bytes(text)]
    if not text.isascii() and all(character <= "\xff" for character in text):
        # Some clients encode user and password so.
        encodings.append(text.encode("latin-1"))
    for raw in encodings:
        whole = b64encode(raw).decode()
        for form in (whole, whole.rstrip("="), *(_amid(raw, before) for before in range(3))):
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _amid(raw: bytes, before: int) -> str:
    """Return those letters of base64 that depend only on these bytes, after `before` other bytes. Three more bytes
    before them only add four letters."""
    letters = b64encode(bytes(before) + raw).decode()
    first, end = 8 * before, 8 * (before + len(raw))
    return letters[math.ceil(first / 6) : end // 6]


def _printable(text: str) -> str:
    """Return the text without surrogates that stand for no byte."""
    return _as_bytes(text).decode(*UNCHANGED)


def _as_bytes(text: str) -> bytes:
    """Encode as in the environment, which may have bytes that are not text; drop other surrogates."""
    try:
        return text.encode(*UNCHANGED)
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore")
