"""A certificate authority, the API server's certificate and the key that signs service account tokens.

The API server's own self-signed certificate is valid for its advertised address only; clients on the host, on the node
and in pods each use another name, so all of them are in ours.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.addresses import Addresses
from localcluster.errors import ClusterError

DAYS = "365"
OPENSSL_SECONDS = 30
AGGREGATOR = "aggregator"
"""The name in the API server's certificate for other API servers."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that clients trust."""
        return self.folder / "ca.crt"

    @property
    def serving(self) -> Path:
        """The API server's certificate."""
        return self.folder / "apiserver.crt"

    @property
    def serving_key(self) -> Path:
        """The API server's key."""
        return self.folder / "apiserver.key"

    @property
    def aggregator(self) -> Path:
        """The certificate by which API servers of others know the API server, which tells them the user."""
        return self.folder / "aggregator.crt"

    @property
    def aggregator_key(self) -> Path:
        """Its key."""
        return self.folder / "aggregator.key"

    @property
    def tokens(self) -> Path:
        """The private key that signs service account tokens."""
        return self.folder / "service-accounts.key"

    @property
    def tokens_public(self) -> Path:
        """The public key that service account tokens are checked with."""
        return self.folder / "service-accounts.pub"


def names(addresses: Addresses) -> str:
    """The subject alternative names of the API server, as openssl writes them."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    dns = [f"DNS:{name}" for name in ("localhost", *service)]
    return ",".join([f"IP:{ip}" for ip in ("127.0.0.1", addresses.host, addresses.kubernetes)] + dns)


def create(certificates: Certificates, addresses: Addresses) -> None:
    """Write all keys and certificates."""
    folder = certificates.folder
    folder.mkdir(parents=True, exist_ok=True)
    authority_key = folder / "ca.key"
    for key in (authority_key, certificates.serving_key, certificates.aggregator_key, certificates.tokens):
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    _openssl("pkey", "-in", certificates.tokens, "-pubout", "-out", certificates.tokens_public)
    _self_signed(authority_key, certificates.authority)
    serving = ("-subj", "/CN=kube-apiserver", "-addext", f"subjectAltName={names(addresses)}")
    _signed(certificates.serving_key, certificates.serving, serving, authority=certificates.authority)
    aggregator = ("-subj", f"/CN={AGGREGATOR}")
    _signed(certificates.aggregator_key, certificates.aggregator, aggregator, authority=certificates.authority)


def create_for_loopback(key: Path, certificate: Path) -> None:
    """Write a key, and its own certificate for a server on the loopback."""
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    _openssl("req", "-x509", "-key", key, *subject, "-days", DAYS, "-out", certificate)


def _signed(key: Path, certificate: Path, subject: Sequence[str], *, authority: Path) -> None:
    request = certificate.with_suffix(".csr")
    _openssl("req", "-new", "-key", key, *subject, "-out", request)
    signer = ("-CA", authority, "-CAkey", authority.with_suffix(".key"), "-CAcreateserial")
    _openssl("x509", "-req", "-in", request, *signer, "-days", DAYS, "-copy_extensions", "copy", "-out", certificate)


def _self_signed(key: Path, certificate: Path) -> None:
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
    _openssl("req", "-x509", "-key", key, "-subj", "/CN=local-cluster", *usage, "-days", DAYS, "-out", certificate)


def _openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=OPENSSL_SECONDS, check=False)
    if result.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed: {result.stderr.strip()}")
