"""Scrub: no secret leaves the pod by what it prints, even where a server or a client library repeats it."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
UNCHANGED = ("utf-8", "surrogateescape")
"""How Python reads the environment."""
SHORTEST = 4
"""Characters. A shorter text is found everywhere, and no secret."""


class Scrub:
    """Replaces the values of Secrets, in the forms in which they may come back, and all passwords in addresses."""

    def __init__(self, values: Iterable[str], *, secrets: Iterable[str]) -> None:
        parts = [password for value in values for password in _passwords(value)]
        parts += [part for secret in secrets for part in _parts(secret)]
        forms = {form for part in parts for form in _forms(_as_bytes(part).decode(*UNCHANGED))}
        # The longest first: one may be a part of another.
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form))

    def line(self, text: str) -> str:
        """The text in one line, without secrets."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return " ".join(text.encode("utf-8", "backslashreplace").decode().split())

    def output(self, output: bytes) -> bytes:
        """The bytes without secrets."""
        for form in self._forms:
            output = output.replace(_as_bytes(form), MASK.encode())
        return output


def _parts(secret: str) -> Iterator[str]:
    """The value, its lines, what of it is secret in an address, and the texts in it if it is JSON."""
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
    """The texts, and of `Name: value` the value, as in `headers`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    for item in found if isinstance(found, list) else found.values():
        if isinstance(item, str):
            yield item
            yield item.partition(":")[2].strip()


def _passwords(text: str) -> Iterator[str]:
    """The passwords of a list of addresses, `amqp://user:password@host,…`."""
    for address in text.split(",") if "://" in text and "@" in text else ():
        try:
            password = urlsplit(address.strip()).password
        except ValueError:
            continue
        if password:
            yield unquote(password)


def _forms(text: str) -> Iterator[str]:
    """The text as it is, and as addresses, JSON, Python and basic authentication write it."""
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
    """As the environment had it: a Secret may hold bytes that are no text. What no bytes are behind is left out."""
    try:
        return text.encode(*UNCHANGED)
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore")
