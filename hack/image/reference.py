"""Names of images: `registry/repository:tag@digest`, of which only the repository is always there.

See https://pkg.go.dev/github.com/distribution/reference.
"""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Reference:
    """A name, taken apart."""

    repository: str
    """With the registry: `docker.io/library/python`."""
    tag: str = ""
    digest: str = ""
    """As `sha256:…`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a name apart."""
        name, _, digest = text.partition("@")
        path, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:  # the colon of a port
            return cls(name, "", digest)
        return cls(path, tag, digest)

    @property
    def exact(self) -> str:
        """Only the digest where there is one, for not every engine takes it together with a tag; else the tag."""
        return f"{self.repository}@{self.digest}" if self.digest else self.tagged

    @property
    def tagged(self) -> str:
        """Without the digest."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository

    @property
    def registry(self) -> str:
        """The host, which is Docker's where none is named."""
        first, slash, _ = self.repository.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"

    @property
    def path(self) -> str:
        """The repository within its registry."""
        path = self.repository.removeprefix(f"{self.registry}/")
        return f"library/{path}" if self.registry == "docker.io" and "/" not in path else path
