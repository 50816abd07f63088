"""What `helm test` does (charts/dkron-operator/files/helm_test.py), for each way to let callers in."""

import json
import runpy
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

SCRIPT = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files" / "helm_test.py"
TOKEN = "a.b.c"  # noqa: S105 - of no account


@contextmanager
def rest_api(*, wants: str, certificate: trustme.LeafCert | None = None) -> Iterator[str]:
    """The address of an API that lets in those who send this header, or everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shown = self.headers.get("Authorization") or ""
            known = self.path == "/health" or wants in ("", shown)
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps({"Name": "dkron-operator-0", "status": "success"} if known else "no").encode())

        do_POST = do_DELETE = do_GET  # noqa: N815 - as http.server wants them

        def log_message(self, *_: object) -> None:
            """Nothing of it is to be seen."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http{'' if certificate is None else 's'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Case:
    """How the API is said to know callers, the header that it wants, and whether the test has a token."""

    auth: str
    wants: str
    has_token: bool
    status: int
    said: str


def helm_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], api: str, **given: str
) -> tuple[object, str]:
    """How the script ends, and what it prints."""
    for name, value in {"API": api, "IMAGE": "dkron:1", "SECONDS": "0.01", **given}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return ended.value.code, capsys.readouterr().out


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case("none", "", False, 0, "leader: dkron-operator-0"), id="everybody is let in"),
        pytest.param(Case("kubernetes", f"Bearer {TOKEN}", True, 0, "executions:"), id="a token of the cluster"),
        pytest.param(Case("kubernetes,dkron", f"Bearer {TOKEN}", True, 0, "executions:"), id="one of both"),
        pytest.param(Case("kubernetes", "Bearer other", True, 1, "answers 401"), id="a token that is not taken"),
        pytest.param(Case("dkron", "Bearer other", False, 0, "answers 401"), id="refused, as it has to be"),
        pytest.param(Case("dkron", "", False, 1, "answers a caller without a token"), id="let in without a token"),
    ],
)
def test_helm_test_follows_the_authentication_of_callers(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    token = {"TOKEN_FILE": str(tmp_path / "token")} if case.has_token else {}
    with rest_api(wants=case.wants) as api:
        code, said = helm_test(monkeypatch, capsys, api, AUTH=case.auth, **token)
    assert (code, case.said in said) == (case.status, True), said


@pytest.mark.parametrize(
    ("is_that_of_the_secret", "status", "said"),
    [
        pytest.param(True, 0, "executions:", id="the certificate of the Secret, whatever its names"),
        pytest.param(False, 1, "certificate verify failed", id="another one of the same issuer"),
    ],
)
def test_tls_installation_serves_the_certificate_of_its_secret(  # noqa: PLR0917
    is_that_of_the_secret: bool,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authority = trustme.CA()
    served, other = authority.issue_cert("cron.example.com"), authority.issue_cert("127.0.0.1")
    kept = served if is_that_of_the_secret else other
    (tmp_path / "tls.crt").write_bytes(kept.cert_chain_pems[0].bytes())
    with rest_api(wants="", certificate=served) as api:
        code, printed = helm_test(monkeypatch, capsys, api, CERTIFICATE_FILE=str(tmp_path / "tls.crt"))
    assert (code, said in printed) == (status, True), printed
