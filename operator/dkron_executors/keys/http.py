"""The keys of `http`: one request (Dkron behaviour §6.2)."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, Flag, Headers, Seconds, is_url, matching, quoted, searcher

_CODES = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?", re.ASCII)

Codes = tuple[tuple[int, int], ...]


def web_address(text: str) -> str:
    """Check an http or https URL."""
    usable = is_url(text, "http", "https") and all(character > " " for character in text)
    try:
        # A host may contain non-ASCII letters; it must be encodable for DNS.
        usable = usable and bool((urlsplit(text).hostname or "").encode("idna"))
    except UnicodeError:
        usable = False
    if not usable:
        raise ValueError(f"{quoted(text)} is not an address such as https://example.org/path")
    return text


def status_codes(text: str) -> Codes:
    """Parse `200,206`, `200-299`, or a mix of both. Spaces are ignored."""
    matches = [_CODES.fullmatch(part.strip()) for part in text.split(",") if part.strip()]
    ranges = tuple((int(match[1]), int(match[2] or match[1])) for match in matches if match)
    if not ranges or None in matches or any(low > high for low, high in ranges):
        raise ValueError(f'{quoted(text)} is not a list of HTTP status codes, such as "200,206" or "200-299"')
    return ranges


def re2_pattern(text: str) -> str:
    """Check a regular expression of RE2, the syntax of Go and therefore of Dkron."""
    searcher(text)
    return text


class Http(Keys):
    """One HTTP request."""

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset({"headers"})

    method: Annotated[str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "a method, such as GET or POST")]
    """The method, such as `GET` or `POST`."""

    url: Annotated[str, AfterValidator(web_address)]
    """The URL. A user and password in it are sent as basic authentication."""

    headers: Headers = ()
    """A JSON array of strings, `["Accept: text/plain", "Authorization: Bearer secretRef:token/value"]`. Only the
    first colon separates name and value."""

    body: str = ""
    """The request body, sent unchanged. No `Content-Type` is sent unless `headers` has one."""

    timeout: Seconds = 30
    """Seconds for the whole request, from the first connection to the last byte, 1 to 86400."""

    expect_code: Annotated[Codes, BeforeValidator(status_codes)] = ()
    """The status codes that count as success, `200,206` or `200-299`. Without it, every response is a success, even a
    500."""

    expect_body: Annotated[str, AfterValidator(re2_pattern)] = ""
    """A regular expression (RE2, as in Go) that the response body must match somewhere."""

    debug: Debug = False
    """Any text: print the config before the output, without secrets."""

    tls_no_verify_peer: Flag = False
    """`true` accepts any certificate of the server."""

    tls_certificate_file: str = ""
    """The client certificate in PEM, with its intermediate certificates: a path in the container, from a volume of
    `jobTemplate`."""

    tls_certificate_key_file: str = ""
    """The key of that certificate, in PEM, without a passphrase."""

    tls_root_cas_file: str = Field(default="", alias="tlsRootCAsFile")
    """The certificate authorities to trust for the server's certificate, in PEM, instead of the public ones."""

    inline: Flag = False
    """`true` lets the operator make the call itself, without a pod, if its `--inline-calls` allows that: without
    Secrets and files, within 60 seconds."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if bool(self.tls_certificate_file) != bool(self.tls_certificate_key_file):
            given, missing = "tlsCertificateFile", "tlsCertificateKeyFile"
            if not self.tls_certificate_file:
                given, missing = missing, given
            raise ValueError(f"{missing}: missing; {given} requires it")
        return self
