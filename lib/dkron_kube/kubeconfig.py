"""Reads kubeconfigs as client-go does: several files, of which the first that has an entry decides. Pure.

The official client's reader imports the libraries of cloud providers, which takes a command longer than its request.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Object = Mapping[str, Any]
Content = bytes | Path | None
"""What stands in the file itself, or where it is."""
PLUGINS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
MODES = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that prints the credentials."""

    command: tuple[str, ...]
    version: str
    env: Mapping[str, str]
    mode: str
    """Whether it gets the terminal, one of MODES."""
    hint: str
    """What to do if the program is missing."""
    cluster: Object | None
    """The cluster, if the program wants to know it."""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One context: the cluster, and the credentials for it. Empty texts are absent."""

    server: str
    namespace: str
    ca: Content = None
    verify: bool = True
    server_name: str = ""
    """The name in the certificate, if the address has another."""
    proxy: str = ""
    token: str = ""
    token_file: Path | None = None
    """It takes precedence over the token."""
    basic: str = ""
    """User and password, with a colon between them."""
    certificate: Content = None
    key: Content = None
    plugin: Plugin | None = None
    auth_provider: bool = False
    """Whether the credentials need a provider that client-go has built in."""


Kind = Literal["context", "cluster", "user"]


def select(documents: Sequence[tuple[Path, Any]], context: str = "") -> Kubeconfig:
    """Return the context of this name, else the current one. `documents` are the parsed files with their folders.
    Raises ValueError with a sentence."""
    read = [(folder, _mapping(document, "it")) for folder, document in documents if document is not None]
    if not read:
        raise ValueError("it is empty")
    name = context or next((text for _, each in read if (text := _text(each, "current-context"))), "")
    if not name:
        raise ValueError("it has no current-context; choose one with --context")
    _, chosen = _entry(read, "context", name)
    folder, cluster = _entry(read, "cluster", _text(chosen, "cluster"))
    home, user = _entry(read, "user", _text(chosen, "user")) if chosen.get("user") else (folder, {})
    server, proxy = _text(cluster, "server"), _text(cluster, "proxy-url")
    if urlsplit(server).scheme not in ("http", "https"):
        raise ValueError(f'the server of its cluster "{chosen["cluster"]}" is not an http:// or https:// address')
    if proxy and urlsplit(proxy).scheme not in ("http", "https"):
        raise ValueError(f'the proxy-url of its cluster "{chosen["cluster"]}" is not an http:// or https:// address')
    token_file = _text(user, "tokenFile")
    return Kubeconfig(
        server=server.rstrip("/"),
        namespace=_text(chosen, "namespace") or "default",
        ca=_content(cluster, "certificate-authority", folder),
        verify=cluster.get("insecure-skip-tls-verify") is not True,
        server_name=_text(cluster, "tls-server-name"),
        proxy=proxy,
        token=_text(user, "token"),
        token_file=home / token_file if token_file else None,
        basic=f"{_text(user, 'username')}:{_text(user, 'password')}" if _text(user, "username") else "",
        certificate=_content(user, "client-certificate", home),
        key=_content(user, "client-key", home),
        plugin=_plugin(_mapping(user["exec"], "exec"), home, cluster) if user.get("exec") else None,
        auth_provider=bool(user.get("auth-provider")),
    )


def contexts(documents: Sequence[Any]) -> list[str]:
    """Return the names of the contexts."""
    return sorted(
        {_text(each, "name") for document in documents if document for each in document.get("contexts") or ()}
    )


def _entry(read: Sequence[tuple[Path, Object]], kind: Kind, name: str) -> tuple[Path, Object]:
    """Return an entry with the folder of its file."""
    for folder, document in read:
        for each in document.get(f"{kind}s") or ():
            if _mapping(each, f"an entry of {kind}s").get("name") == name:
                return folder, _mapping(each.get(kind) or {}, f'{kind} "{name}"')
    raise ValueError(f'it has no {kind} "{name}"')


def _plugin(raw: Object, home: Path, cluster: Object) -> Plugin:
    version, command, mode = (_text(raw, key) for key in ("apiVersion", "command", "interactiveMode"))
    if version not in PLUGINS:
        raise ValueError(f'the apiVersion "{version}" of exec is unknown; known are {", ".join(PLUGINS)}')
    if not command:
        raise ValueError("exec has no command")
    if mode and mode not in MODES:
        raise ValueError(f'the interactiveMode "{mode}" of exec is unknown; known are {", ".join(MODES)}')
    # As client-go: a path is relative to the kubeconfig, a name is looked up in PATH.
    program = str(home / command) if "/" in command else command
    return Plugin(
        command=(program, *map(str, raw.get("args") or ())),
        version=version,
        env={str(each["name"]): str(each["value"]) for each in raw.get("env") or ()},
        mode=mode or "IfAvailable",
        hint=_text(raw, "installHint"),
        cluster=_settings_of(cluster) if raw.get("provideClusterInfo") is True else None,
    )


def _settings_of(cluster: Object) -> Object:
    """Return a cluster as a plugin reads it."""
    config = next(
        (each.get("extension") for each in cluster.get("extensions") or ()
         if each.get("name") == "client.authentication.k8s.io/exec"), None,
    )  # fmt: skip
    found = {key: cluster[key] for key in ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url",
                                           "certificate-authority-data") if cluster.get(key)}  # fmt: skip
    return found | ({} if config is None else {"config": config})


def _content(raw: Object, key: str, folder: Path) -> Content:
    """Return data, which takes precedence, or the path of its file."""
    if data := _text(raw, f"{key}-data"):
        try:
            return base64.b64decode(data)
        except binascii.Error:
            raise ValueError(f"{key}-data is not base64") from None
    path = _text(raw, key)
    return folder / path if path else None


def _text(raw: Object, key: str) -> str:
    value = raw.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} is not a text")
    return value or ""


def _mapping(value: Any, what: str) -> Object:  # noqa: ANN401 - of YAML
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is not a mapping")  # noqa: TRY004 - of YAML
    return value
