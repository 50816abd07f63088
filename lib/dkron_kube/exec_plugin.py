"""Runs the programs that print credentials, by the protocol of client-go."""

import asyncio
import json
import os
import sys
from asyncio import subprocess
from typing import Any, NamedTuple

from dkron_kube.kubeconfig import Plugin

SHOWN = 300
"""Characters of an error of the program."""


class Printed(NamedTuple):
    """The output of a plugin. Empty texts are absent."""

    token: str
    certificate: bytes
    key: bytes


async def run_plugin(plugin: Plugin) -> Printed:
    """Run the program. Raises ValueError with a sentence."""
    terminal = plugin.mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.mode == "Always" and not terminal:
        raise ValueError(f"{plugin.command[0]} needs input, but there is no terminal")
    spec: dict[str, Any] = {"interactive": terminal}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    about = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec}
    try:
        process = await asyncio.create_subprocess_exec(
            *plugin.command,
            env={**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": json.dumps(about)},
            stdin=None if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # The program prints its questions there.
            stderr=None if terminal else subprocess.PIPE,
        )
    except OSError as error:
        hint = f"; {plugin.hint}" if plugin.hint else ""
        raise ValueError(f"cannot start {plugin.command[0]}: {error.strerror}{hint}") from None
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = (err or b"").decode(errors="replace").strip()[:SHOWN]
        raise ValueError(f"{plugin.command[0]} ended with {process.returncode}" + (f": {said}" if said else ""))
    return _read(plugin, out)


def _read(plugin: Plugin, out: bytes) -> Printed:
    wrong = ValueError(f"{plugin.command[0]} printed no ExecCredential of {plugin.version} with a token or certificate")
    try:
        found = json.loads(out)
        status = found["status"] if found["apiVersion"] == plugin.version else {}
        read = Printed(
            status.get("token") or "",
            (status.get("clientCertificateData") or "").encode(),
            (status.get("clientKeyData") or "").encode(),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        raise wrong from None
    if not (read.token or read.certificate):
        raise wrong
    return read
