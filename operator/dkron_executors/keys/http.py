"""The keys of `http`: one request (Dkron behaviour §6.2)."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, Flag, Headers, Seconds, quoted

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CODES = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?", re.ASCII)

Codes = tuple[tuple[int, int], ...]


def http_method(text: str) -> str:
    """A method, of HTTP or of one's own."""
    if _METHOD.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not a method, such as GET or POST")
    return text


def web_address(text: str) -> str:
    """An address of http or https."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # A host may have other letters than a network has: they are written so that it can be looked up.
        (parts.hostname or "").encode("idna")
    except ValueError:
        usable = False
    if not usable or any(ord(character) <= ord(" ") for character in text):
        raise ValueError(f"{quoted(text)} is not an address such as https://example.org/path")
    return text


def status_codes(text: str) -> Codes:
    """`200,206`, `200-299`, or both kinds. Spaces count for nothing."""
    matches = [_CODES.fullmatch(part.strip()) for part in text.split(",") if part.strip()]
    ranges = tuple((int(match[1]), int(match[2] or match[1])) for match in matches if match)
    if not ranges or None in matches or any(low > high for low, high in ranges):
        raise ValueError(f'{quoted(text)} is not a list of HTTP status codes, such as "200,206" or "200-299"')
    return ranges


def re2_pattern(text: str) -> str:
    """A regular expression of RE2, which is what Go and so Dkron has."""
    from dkron_executors.patterns import PatternError, searcher  # noqa: PLC0415 - few need it, and RE2 takes its time

    try:
        searcher(text)
    except PatternError as exc:
        raise ValueError(f"{quoted(text)} is not a regular expression of RE2: {exc}") from None
    return text


class Http(Keys):
    """One HTTP request."""

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset({"headers"})

    method: Annotated[str, AfterValidator(http_method)]
    """The method, such as `GET` or `POST`."""

    url: Annotated[str, AfterValidator(web_address)]
    """The address. A user and password in it are sent as basic authentication."""

    headers: Headers = ()
    """A JSON array of texts, `["Accept: text/plain", "Authorization: Bearer secretRef:token/value"]`. A value keeps its
    further colons."""

    body: str = ""
    """What is sent, as it stands. No `Content-Type` is sent unless `headers` has one."""

    timeout: Seconds = 30
    """Seconds for all of it, from the first connection to the last byte, 1 to 86400."""

    expect_code: Annotated[Codes, BeforeValidator(status_codes)] = ()
    """The status codes that count as success, `200,206` or `200-299`. Without it every answer is a success, even a
    500."""

    expect_body: Annotated[str, AfterValidator(re2_pattern)] = ""
    """A regular expression (RE2, as in Go) that has to be found in the body of the answer."""

    debug: Debug = False
    """Any text: the config is printed before the output, secrets left out."""

    tls_no_verify_peer: Flag = False
    """`true` takes any certificate of the server."""

    tls_certificate_file: str = ""
    """The client's certificate, in PEM, with the ones above it: a path in the container, from a volume of
    `jobTemplate`."""

    tls_certificate_key_file: str = ""
    """The key of that certificate, in PEM, without a passphrase."""

    tls_root_cas_file: str = Field(default="", alias="tlsRootCAsFile")
    """The authorities that may have signed the server's certificate, in PEM, instead of the public ones."""

    inline: Flag = False
    """`true` has the operator make the call itself, without a pod, where its `--inline-calls` allows that: without
    Secrets and files, within 60 seconds."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if bool(self.tls_certificate_file) != bool(self.tls_certificate_key_file):
            missing, given = ("tlsCertificateKeyFile", "tlsCertificateFile")
            if not self.tls_certificate_file:
                missing, given = given, missing
            raise ValueError(f"{missing}: missing; {given} is of no use without it")
        return self
