"""The base of the image: how it is named, pinned and moved, and what the labels say of it."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from image import ImageError, bases, building, pin
from image.reference import Reference
from image.source import Source

ROOT = Path(__file__).parents[2]
OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1a' * 32}"
TOKEN = "for-anyone"  # noqa: S105 - of a registry in this file


class Registry(BaseHTTPRequestHandler):
    """Holds `library/python:3.13-slim`, and wants a token that it gives to anyone."""

    digest = NEW

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            realm = f"http://{self.headers['Host']}/token"
            challenge = f'Bearer realm="{realm}",service="here",scope="repository:library/python:pull"'
            self._answer(401, ("WWW-Authenticate", challenge))
        elif self.path != "/v2/library/python/manifests/3.13-slim":
            self._answer(404)
        elif "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]:
            self._answer(200, ("docker-content-digest", self.digest))

    def do_GET(self) -> None:
        assert self.path == "/token?service=here&scope=repository%3Alibrary%2Fpython%3Apull"
        self._answer(200, body=json.dumps({"token": TOKEN}).encode())

    def _answer(self, code: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        self.send_response(code)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def dockerfile(host: str, tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_text(f"# a base\nARG BASE={host}/library/python:3.13-slim@{OLD}\nFROM ${{BASE}}\n")
    return path


@pytest.mark.parametrize(
    ("text", "parts", "place"),
    [
        ("python", ("python", "", ""), "docker.io library/python"),
        ("python:3.13", ("python", "3.13", ""), "docker.io library/python"),
        ("someone/python", ("someone/python", "", ""), "docker.io someone/python"),
        ("localhost/base:1", ("localhost/base", "1", ""), "localhost base"),
        ("a.example:5000/b/c", ("a.example:5000/b/c", "", ""), "a.example:5000 b/c"),
        ("a.example:5000/b:c", ("a.example:5000/b", "c", ""), "a.example:5000 b"),
        (f"docker.io/a/b:3@{OLD}", ("docker.io/a/b", "3", OLD), "docker.io a/b"),
        (f"a/b@{OLD}", ("a/b", "", OLD), "docker.io a/b"),
    ],
)
def test_a_name_is_taken_apart(text: str, parts: tuple[str, str, str], place: str) -> None:
    found = Reference.parse(text)
    assert (found.repository, found.tag, found.digest) == parts
    assert f"{found.registry} {found.path}" == place
    assert found.exact == (f"{parts[0]}@{OLD}" if found.digest else text)


def test_default_base_is_pinned_only_in_the_dockerfile() -> None:
    base = Reference.parse(bases.DEFAULT)
    assert base.tagged == "docker.io/library/python:3.13-slim"
    assert re.fullmatch("sha256:[0-9a-f]{64}", base.digest)
    pages = (ROOT / "Dockerfile", *(ROOT / "docs").rglob("*.md"), *(ROOT / "hack").rglob("*.py"))
    assert [path.name for path in pages if base.digest in path.read_text("utf-8")] == ["Dockerfile"]


def test_pin_moves_to_the_current_digest(dockerfile: Path, host: str) -> None:
    assert pin.move(dockerfile) == f"{host}/library/python:3.13-slim@{NEW}"
    assert dockerfile.read_text() == f"# a base\nARG BASE={host}/library/python:3.13-slim@{NEW}\nFROM ${{BASE}}\n"


@pytest.mark.parametrize("answer", ["", "sha256:short"])
def test_pin_stays_when_the_registry_names_no_digest(
    dockerfile: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(Registry, "digest", answer)
    before = dockerfile.read_text()
    with pytest.raises(ImageError, match="gives no digest of"):
        pin.move(dockerfile)
    assert dockerfile.read_text() == before


def test_a_registry_that_has_no_such_tag_is_named(host: str) -> None:
    with pytest.raises(ImageError, match=r"does not say which image 127\.0\.0\.1:\d+/a:b is: .*404"):
        pin.digest_of(Reference.parse(f"{host}/a:b"))


def test_a_dockerfile_without_a_base_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(ImageError, match="has no line 'ARG BASE=…'"):
        pin.read(tmp_path / "Dockerfile")


class TestLabels:
    HERE = Source(commit="c0ffee", epoch=1_764_000_000)
    PINNED = f"docker.io/library/python:3.13-slim@{OLD}"

    def said(self, reference: str, foundation: str, here: Source) -> dict[str, str]:
        labels = building.labels(reference, self.PINNED, foundation, here)
        return {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}

    def test_they_name_the_base_and_the_commit(self) -> None:
        assert self.said("ghcr.io/a/b:1.2", f"docker.io/library/python@{OLD}", self.HERE) == {
            "version": "1.2",
            "revision": "c0ffee",
            "created": "2025-11-24T16:00:00Z",
            "base.name": "docker.io/library/python:3.13-slim",
            "base.digest": OLD,
        }

    def test_unknown_source_is_omitted(self) -> None:
        assert self.said("a/b:1", "localhost/base:abc", Source()) == {"version": "1", "base.name": "localhost/base:abc"}
