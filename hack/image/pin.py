"""The one place where the base is pinned, the Dockerfile, and how the pin is moved: `make pin-base`.

A registry says which image a tag is at this moment, as the OCI distribution specification describes it:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

from image import ImageError
from image.reference import Reference

HOSTS = {"docker.io": "registry-1.docker.io"}
INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
ANSWER_SECONDS = 30
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
_BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


def digest_of(image: Reference) -> str:
    """The digest of a tag's index, which holds the image of each platform, without fetching any of it."""
    host = HOSTS.get(image.registry, image.registry)
    scheme = "http" if host.partition(":")[0] in {"localhost", "127.0.0.1"} else "https"
    address = f"{scheme}://{host}/v2/{image.path}/manifests/{image.tag or 'latest'}"
    try:
        found = _head(address).get("Docker-Content-Digest", "")
    except (OSError, ValueError, KeyError) as error:
        raise ImageError(f"the registry does not say which image {image.tagged} is: {error}") from error
    if _DIGEST.fullmatch(found) is None:
        raise ImageError(f"the registry gives no digest of {image.tagged}, but {found!r}")
    return found


def _head(address: str) -> Message:
    """Ask, and where a token is wanted, which anyone gets for what is public, ask again with one."""
    headers = {"Accept": INDEXES}
    try:
        return _headers(address, headers)
    except urllib.error.HTTPError as refused:
        challenge = refused.headers.get("WWW-Authenticate", "")
        if refused.code != HTTPStatus.UNAUTHORIZED or not challenge.startswith("Bearer "):
            raise
    return _headers(address, headers | {"Authorization": f"Bearer {_token(challenge)}"})


def _headers(address: str, headers: Mapping[str, str]) -> Message:
    request = urllib.request.Request(address, method="HEAD", headers=dict(headers))
    answer: HTTPResponse
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return answer.headers


def _token(challenge: str) -> str:
    parameters = dict(_PARAMETER.findall(challenge))
    query = urllib.parse.urlencode({name: parameters[name] for name in ("service", "scope") if name in parameters})
    with urllib.request.urlopen(f"{parameters['realm']}?{query}", timeout=ANSWER_SECONDS) as answer:
        return str(json.load(answer)["token"])


def read(dockerfile: Path) -> str:
    """The base that a Dockerfile is built on unless told otherwise."""
    match = _BASE.search(dockerfile.read_text(encoding="utf-8"))
    if match is None:
        raise ImageError(f"{dockerfile} has no line 'ARG BASE=…'")
    return match[1]


def move(dockerfile: Path) -> str:
    """Pin what the tag is at this moment, and return it; nothing is written unless the registry has answered."""
    before = Reference.parse(read(dockerfile))
    pinned = replace(before, digest=digest_of(before))
    text = dockerfile.read_text(encoding="utf-8")
    now = f"{pinned.tagged}@{pinned.digest}"
    dockerfile.write_text(_BASE.sub(f"ARG BASE={now}", text, count=1), encoding="utf-8")
    return now


def main() -> int:
    """Move the pin of this checkout; the exit status."""
    try:
        print(move(DOCKERFILE))
    except ImageError as error:
        sys.stderr.write(f"pin-base: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
