"""The chart's Certificate, issued and renewed by cert-manager, and https of the REST API with it."""

import base64
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509

import localcluster
from dkron_kube.paths import SECRETS, Resource
from localcluster.servers import certmanager
from tests.support.api_process import ApiProcess
from tests.support.charts import of_kind, rendered
from tests.support.kube import Kube, Object
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

GROUP = "cert-manager.io"
ISSUERS, CERTIFICATES = Resource(GROUP, "v1", "issuers"), Resource(GROUP, "v1", "certificates")
RENEWED_AFTER = "59m45s"
"""How long before its end a certificate of an hour is renewed: after fifteen seconds."""
SECONDS = 60.0


@pytest.fixture
def issued(cluster: localcluster.Cluster, kube: Kube, tmp_path: Path) -> Iterator[str]:
    """The name of the Secret of the chart's Certificate; cert-manager runs."""
    cluster.kubectl("apply", "--server-side", "-f", str(certmanager.definitions()))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    kube.create(ISSUERS, {"apiVersion": f"{GROUP}/v1", "kind": "Issuer", "metadata": {"name": "own"},
                          "spec": {"selfSigned": {}}})  # fmt: skip
    tls = {"enabled": True, "issuerRef": {"name": "own"}, "duration": "1h", "renewBefore": RENEWED_AFTER}
    values: Object = {"api": {"enabled": True, "tls": {"certManager": tls}}}
    (certificate,) = of_kind(rendered(values, namespace=kube.namespace, folder=tmp_path), "Certificate")
    with certmanager.cert_manager(kube.kubeconfig, kube.namespace, tmp_path):
        kube.create(CERTIFICATES, certificate)
        yield certificate["spec"]["secretName"]


def mounted(kube: Kube, name: str, folder: Path) -> bytes:
    """Write the Secret as the kubelet does. Return its certificate; empty while it is not there."""
    secret = kube.find(SECRETS, name)
    if secret is None:
        return b""
    data = {key: base64.b64decode(value) for key, value in secret["data"].items()}
    version = folder / f"..{secret['metadata']['resourceVersion']}"
    version.mkdir(parents=True, exist_ok=True)
    for key, value in data.items():
        (version / key).write_bytes(value)
        with contextlib.suppress(FileExistsError):
            (folder / key).symlink_to(f"..data/{key}")
    with contextlib.suppress(FileNotFoundError):
        (folder / "..next").unlink()
    (folder / "..next").symlink_to(version.name)
    (folder / "..next").replace(folder / "..data")
    return data["tls.crt"]


def served(url: str, folder: Path, name: str) -> str:
    """Return the certificate that a client of this name gets who trusts the `ca.crt` of the Secret; or why none."""
    address = urlsplit(url)
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    try:
        with (
            socket.create_connection((str(address.hostname), address.port or 0), timeout=10) as plain,
            tls.wrap_socket(plain, server_hostname=name) as connection,
        ):
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
    except ssl.SSLError as error:
        return str(error)


def test_chart_certificate_is_served_and_renewed(kube: Kube, issued: str, tmp_path: Path) -> None:
    volume, name = tmp_path / "tls", f"dkron-api.{kube.namespace}.svc"
    first = kube.wait_for("the Secret of the Certificate", lambda: mounted(kube, issued, volume), bool, seconds=SECONDS)
    files = ("--tls-cert", str(volume / "tls.crt"), "--tls-key", str(volume / "tls.key"))
    api = ApiProcess(tmp_path / "api.log", *files, kubeconfig=kube.kubeconfig, namespace=kube.namespace).start()
    try:
        url = str(api.wait_for_line("listening on https://")["url"])
        assert served(url, volume, name) == first.decode()
        assert "Hostname mismatch" in served(url, volume, "other.example")
        second = kube.wait_for(
            "a renewed Secret", lambda: mounted(kube, issued, volume), lambda seen: seen != first, seconds=SECONDS
        )
        wait_for(
            "the renewed certificate to be served",
            lambda: served(url, volume, name),
            lambda seen: seen == second.decode(),
            seconds=10,
            guard=api.check,
        )
        keys = [x509.load_pem_x509_certificate(each).public_key() for each in (first, second)]
        assert keys[0] != keys[1], "the key is renewed, too"
        api.stop()
    finally:
        if api.running:
            api.kill()
