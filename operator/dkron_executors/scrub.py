"""Removes secrets from everything that the pod prints, even if a server or a client library repeats them."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
UNCHANGED = ("utf-8", "surrogateescape")
"""The encoding by which Python reads the environment."""
SHORTEST = 4
"""Characters. A shorter text occurs everywhere and is not a secret."""


class Scrub:
    """Replaces the values of Secrets, in all forms in which they may reappear, and all passwords in URLs."""

    def __init__(self, values: Iterable[str], *, secrets: Iterable[str]) -> None:
        parts = [password for value in values for password in _passwords(value)]
        parts += [part for secret in secrets for part in _parts(secret)]
        forms = {form for part in parts for form in _forms(_as_bytes(part).decode(*UNCHANGED))}
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
    """Yield the value, its lines, the secret parts if it is a URL, and the strings in it if it is JSON."""
    yield secret
    yield from (line.strip() for line in secret.splitlines())
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
        yield unquote(parts.username)


def _of_json(text: str) -> Iterator[str]:
    """Yield the strings, and the value of each `Name: value`, as in `headers`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    for item in found if isinstance(found, list) else found.values():
        if isinstance(item, str):
            yield item
            yield item.partition(":")[2].strip()


def _passwords(text: str) -> Iterator[str]:
    """Yield the passwords in a list of URLs, `amqp://user:password@host,…`."""
    for address in text.split(",") if "://" in text and "@" in text else ():
        try:
            password = urlsplit(address.strip()).password
        except ValueError:
            continue
        if password:
            yield unquote(password)


def _forms(text: str) -> Iterator[str]:
    """Yield the text itself, and as encoded in URLs, JSON, Python and basic authentication."""
    yield text
    yield text.strip()
    raw = _as_bytes(text)
    yield quote(raw)
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield b64encode(raw).decode()


def _as_bytes(text: str) -> bytes:
    """Encode as in the environment: a Secret may contain bytes that are not text. Surrogates without bytes behind
    them are dropped."""
    try:
        return text.encode(*UNCHANGED)
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore")
