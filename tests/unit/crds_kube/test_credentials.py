"""Credentials that are renewed while the program runs."""

from pathlib import Path

import pytest

from dkron_kube import access
from dkron_kube.access import AccessError

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: {who}}}}}]
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
"""


async def test_credentials_are_read_again_and_may_be_missing_for_a_while(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(access, "TOKEN_LIFE", 0.0)
    path = tmp_path / "config"
    path.write_text(KUBECONFIG.format(who="one"), encoding="utf-8")
    found = await access.load(path)
    path.write_text("}{", encoding="utf-8")
    with pytest.raises(AccessError, match="cannot renew the credentials: "):
        await found.authorization()
    path.write_text(KUBECONFIG.format(who="two"), encoding="utf-8")
    assert await found.authorization() == "Bearer two"
