"""Kubeconfigs are read as client-go reads them."""

import asyncio
import base64
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiohttp import web

from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.client import KubeClient
from dkron_kube.kubeconfig import contexts, select
from dkron_kube.paths import PODS

Entry = dict[str, Any]
CERTIFICATE = base64.b64encode(b"pem").decode()
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "bin/tool", "interactiveMode": "Never"}


def config(cluster: Entry | None = None, user: Entry | None = None, **more: Any) -> Entry:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **more,
    }


@dataclass(frozen=True)
class Case:
    name: str
    cluster: Entry = field(default_factory=dict)
    user: Entry = field(default_factory=dict)
    want: Entry = field(default_factory=dict)


CASES = (
    Case("plain", want={"server": "https://k:6443", "namespace": "default", "verify": True, "proxy": ""}),
    Case("token", user={"token": "t"}, want={"token": "t", "token_file": None}),
    Case("file", user={"token": "t", "tokenFile": "t.txt"}, want={"token_file": Path("/home/t.txt")}),
    Case("password", user={"username": "me", "password": "pw"}, want={"basic": "me:pw"}),
    Case(
        "inline",
        cluster={"certificate-authority-data": CERTIFICATE, "certificate-authority": "x"},
        user={"client-certificate-data": CERTIFICATE, "client-key-data": CERTIFICATE},
        want={"ca": b"pem", "certificate": b"pem", "key": b"pem"},
    ),
    Case(
        "paths",
        cluster={"certificate-authority": "ca.crt"},
        user={"client-certificate": "me.crt", "client-key": "/keys/me"},
        want={"ca": Path("/home/ca.crt"), "certificate": Path("/home/me.crt"), "key": Path("/keys/me")},
    ),
    Case(
        "cluster",
        cluster={"proxy-url": "http://p:1", "insecure-skip-tls-verify": True, "tls-server-name": "k.example"},
        want={"proxy": "http://p:1", "verify": False, "server_name": "k.example"},
    ),
    Case("provider", user={"auth-provider": {"name": "oidc"}}, want={"auth_provider": True}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kubeconfig_is_read(case: Case) -> None:
    found = select([(Path("/home"), config(case.cluster, case.user))])
    assert {key: getattr(found, key) for key in case.want} == case.want


def test_first_of_several_kubeconfigs_decides() -> None:
    first = {"contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "first"}}]}
    second = config(user={"tokenFile": "t"})
    found = select([(Path("/a"), None), (Path("/b"), first), (Path("/c"), second)])
    assert (found.namespace, found.server, found.token_file) == ("first", "https://k:6443", Path("/c/t"))
    assert contexts([None, first, second]) == ["c"]


def test_plugin_is_read() -> None:
    given = {
        **PLUGIN, "args": ["a", 1], "env": [{"name": "A", "value": "b"}], "provideClusterInfo": True,
        "installHint": "get it",
    }  # fmt: skip
    found = select([(Path("/home"), config({"certificate-authority": "no"}, {"exec": given}))]).plugin
    assert found is not None
    assert (found.command, found.env, found.mode) == (("/home/bin/tool", "a", "1"), {"A": "b"}, "Never")
    assert found.cluster == {"server": "https://k:6443/"}


@pytest.mark.parametrize(
    ("document", "context", "sentence"),
    [
        pytest.param(None, "", "it is empty", id="empty"),
        pytest.param([], "", "it is not a mapping", id="list"),
        pytest.param({"contexts": []}, "", "it has no current-context; choose one with --context", id="no context"),
        pytest.param(config(), "d", 'it has no context "d"', id="unknown context"),
        pytest.param(config(users=[]), "", 'it has no user "u"', id="unknown user"),
        pytest.param(config({"server": "k:1"}), "", 'the server of its cluster "k" is not an http', id="server"),
        pytest.param(config({"proxy-url": "socks5://p"}), "", 'the proxy-url of its cluster "k" is', id="proxy"),
        pytest.param(config(user={"token": 1}), "", "token is not a text", id="token"),
        pytest.param(config(user={"client-key-data": "a"}), "", "client-key-data is not base64", id="base64"),
        pytest.param(config(user={"exec": {"apiVersion": "v0"}}), "", 'the apiVersion "v0" of exec is', id="version"),
        pytest.param(config(user={"exec": {**PLUGIN, "interactiveMode": "x"}}), "", 'the interactiveMode "x"', id="m"),
    ],
)
def test_broken_kubeconfig_says_why(document: Any, context: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        select([(Path("/home"), document)], context)
    assert str(caught.value).startswith(sentence)


# --- with a server ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def secured(ca: trustme.CA) -> AsyncIterator[tuple[int, list[str]]]:
    """Yield the port of a server whose certificate is for k.example, and which wants one; and who asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.json_response({"kind": "Pod", "metadata": {"name": "p"}})

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("k.example").configure_cert(tls)
    ca.configure_trust(tls)
    tls.verify_mode = ssl.CERT_REQUIRED
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


def tool(folder: Path, body: str) -> Entry:
    """Return a plugin that is a script of Python."""
    path = folder / "bin" / "tool"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o700)
    return PLUGIN


@pytest.mark.parametrize("how", ["inline", "paths", "exec"])
async def test_server_is_asked_with_certificates(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    ca = trustme.CA()
    mine = ca.issue_cert("me@example.org")
    parts = {"client-certificate": mine.cert_chain_pems[0].bytes(), "client-key": mine.private_key_pem.bytes()}
    cluster: Entry = {"tls-server-name": "k.example"}
    user: Entry = {"token": "t"}
    for key, content in {**parts, "certificate-authority": ca.cert_pem.bytes()}.items():
        target = cluster if key == "certificate-authority" else user
        if how == "paths":
            (tmp_path / key).write_bytes(content)
            target[key] = key
        elif how == "inline" or target is cluster:
            target[f"{key}-data"] = base64.b64encode(content).decode()
    if how == "exec":
        status = {"token": "t", "clientCertificateData": parts["client-certificate"].decode(),
                  "clientKeyData": parts["client-key"].decode()}  # fmt: skip
        said = {"apiVersion": PLUGIN["apiVersion"], "kind": "ExecCredential", "status": status}
        user = {"exec": tool(tmp_path, f"import json; print(json.dumps({said!r}))")}
    async with secured(ca) as (port, asked):
        cluster["server"] = f"https://127.0.0.1:{port}"
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump(config(cluster, user)))
        kube = KubeClient(await access.load(file))
        try:
            assert (await kube.get(PODS, "ns", "p"))["metadata"]["name"] == "p"
        finally:
            await kube.close()
    assert asked == ["Bearer t"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param("import sys; sys.exit('log in first')", "bin/tool ended with 1: log in first", id="fails"),
        pytest.param("print('{}')", "bin/tool printed no ExecCredential of client.auth", id="prints other"),
        pytest.param("print('[')", "bin/tool printed no ExecCredential of client.auth", id="prints no JSON"),
        pytest.param("", "", id="missing"),
    ],
)
async def test_failing_plugin_is_one_sentence(
    body: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    given = tool(tmp_path, body) if sentence else {**PLUGIN, "command": "no/such", "installHint": "install it"}
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config(user={"exec": given})))
    with pytest.raises(AccessError) as caught:
        await access.load(file)
    assert (sentence or "no/such: No such file or directory; install it") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param(os.devnull, "cannot use kubeconfig /dev/null: it is empty", id="null"),
        pytest.param("/no/such:/nor/this", "cannot use kubeconfig /no/such:/nor/this: the file does not", id="none"),
    ],
)
def test_kubeconfig_without_content(given: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", given)
    with pytest.raises(AccessError, match=sentence):
        asyncio.run(access.load())
