"""The certificate of this server, read again when its files change.

Kubernetes changes the files of a Secret volume by a symbolic link to another folder, others write them in place. A pair
that cannot be used, for example because one of the files is written before the other, changes nothing.
"""

import asyncio
import logging
import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509

from dkron_api import metrics
from dkron_api.settings import UnusableOption

CHECK = 2.0
"""Seconds between two looks at the files."""
HANDSHAKE = 10.0
"""Seconds for the handshake of a client."""

log = logging.getLogger(__name__)

Seen = tuple[tuple[int, int, int], ...]


class Certificate:
    """The pair in use. Raises `UnusableOption` if there is none at the beginning."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._seen = self._state()
        self._current, self.not_after = self._loaded()
        self._remember()
        # New connections begin with this context, and change to the current one.
        self.context = self._current
        self.context.sni_callback = self._use_current

    async def follow(self) -> None:
        """Look at the files from time to time, as long as the program runs."""
        while True:
            await asyncio.sleep(CHECK)
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Use the pair if it has changed, and can be used."""
        seen = self._state()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._current, self.not_after = self._loaded()
        except UnusableOption as error:
            log.error("the certificate stays as it was: %s", error)  # noqa: TRY400 - the message is sufficient
            return
        self._remember()
        log.info("using another certificate", extra={"not_after": self.not_after.isoformat()})

    def _remember(self) -> None:
        metrics.CERTIFICATE_END.labels(str(self._certificate)).set(self.not_after.timestamp())

    def _use_current(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _loaded(self) -> tuple[ssl.SSLContext, datetime]:
        both = f"--tls-cert {self._certificate} and --tls-key {self._key}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
            ends = x509.load_pem_x509_certificate(self._certificate.read_bytes()).not_valid_after_utc
        except ssl.SSLError as error:
            reason = (error.reason or "").replace("_", " ").lower() or "they are not PEM"
            raise UnusableOption(f"{both} are not a pair: {reason}") from None
        except OSError as error:
            raise UnusableOption(f"{both} cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise UnusableOption(f"{both} cannot be used: {error}") from None
        return context, ends

    def _state(self) -> Seen:
        return _state_of(self._certificate), _state_of(self._key)


def _state_of(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def _no_password() -> str:
    raise ValueError("the key has a password")
