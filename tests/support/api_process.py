"""The REST API as users start it: a process of its own that listens on a free port of the loopback."""

from pathlib import Path
from urllib.parse import urlsplit

from tests.support.logged_process import LoggedProcess
from tests.support.rest import Rest

NODE_NAME = "replica-a"
"""The API's name: `X-Whom`, and the identity by which it knows its operator's Lease."""


class ApiProcess(LoggedProcess):
    """One process of the API for one namespace; `options` are further ones (`"--rate", "5"`)."""

    module = "dkron_api"
    what = "the API"

    def __init__(
        self, log: Path, *options: str, kubeconfig: Path, namespace: str, environment: dict[str, str] | None = None
    ) -> None:
        own = ("--host", "127.0.0.1", "--port", "0", "--kubeconfig", str(kubeconfig), "--namespace", namespace)
        super().__init__(log, *own, *options, environment={"POD_NAME": NODE_NAME, **(environment or {})})

    @property
    def url(self) -> str:
        """Where it listens since its latest start: `http://127.0.0.1:PORT`."""
        return str(self.wait_for_line("listening on http://")["url"])

    @property
    def rest(self) -> Rest:
        """A client for it."""
        address = urlsplit(self.url)
        assert address.hostname is not None
        assert address.port is not None, f"the API logged the url {self.url}, without its port"
        return Rest(address.hostname, address.port)
