"""What builds and keeps container images here: docker, podman or buildah, the first of them that works.

buildah needs neither a daemon nor a runtime: its steps run in a chroot, and its images lie in our cache. Where none of
the three is there, it is the one that gets installed.
"""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from localcluster import kind, packages
from localcluster.errors import ClusterError
from localcluster.paths import cache_home
from localcluster.quiet import run_quietly

BUILDER = "IMAGE_BUILDER"
"""The environment variable that names one."""

BUILD_SECONDS = 1800
PULL_SECONDS = 600
COMMAND_SECONDS = 300
PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to build: a folder with a Dockerfile, what it takes as arguments and secrets, and the name of the result.

    Labels are apart from arguments: buildah takes labels from its cache, whatever the arguments in them are.
    """

    context: Path
    reference: str
    arguments: Mapping[str, str]
    secrets: Mapping[str, Path]
    labels: Mapping[str, str] = field(default_factory=dict)
    epoch: int = 0
    """When the image is said to have been made, in seconds since 1970; 0 for now."""

    @property
    def flags(self) -> list[str]:
        """As docker, podman and buildah alike take them."""
        arguments = [f"--build-arg={name}={value}" for name, value in self.arguments.items()]
        secrets = [f"--secret=id={name},src={path}" for name, path in self.secrets.items()]
        labels = [f"--label={name}={value}" for name, value in self.labels.items()]
        return [*arguments, *secrets, *labels, f"--tag={self.reference}"]


class Engine(ABC):
    """A program that keeps images under names."""

    name: ClassVar[str]

    @abstractmethod
    def available(self) -> bool:
        """Whether it works here."""

    @abstractmethod
    def build(self, recipe: Recipe) -> None:
        """Build an image; what was built before from the same is taken as it is. Nothing is pulled."""

    @abstractmethod
    def save(self, reference: str, archive: Path) -> None:
        """Write an image to a new archive, OCI or Docker."""

    def pull(self, reference: str) -> str:
        """Fetch an image from its registry; empty, or the reason why it did not come."""
        done = _quiet([*self._program, *self._pull, reference], seconds=PULL_SECONDS)
        return "" if done.returncode == 0 else _last_line(done.stdout)

    def id_of(self, reference: str) -> str:
        """The digest of the image's configuration, 64 hexadecimal digits; empty if there is no such image."""
        found = _quiet([*self._program, *self._inspect, reference])
        return found.stdout.strip().removeprefix("sha256:") if found.returncode == 0 else ""

    @property
    def _program(self) -> list[str]:
        return [self.name]

    @property
    def _pull(self) -> list[str]:
        return ["pull"]

    @property
    def _inspect(self) -> list[str]:
        return ["image", "inspect", "--format", "{{.Id}}"]


class Docker(Engine):
    """An engine that answers."""

    name = "docker"

    def available(self) -> bool:
        """Whether it answers."""
        return kind.available()

    def build(self, recipe: Recipe) -> None:
        """Build with BuildKit, which secrets need."""
        made = [f"--build-arg=SOURCE_DATE_EPOCH={recipe.epoch}"] if recipe.epoch else []
        _loud([*self._program, "build", *made, *recipe.flags, str(recipe.context)], DOCKER_BUILDKIT="1")

    def save(self, reference: str, archive: Path) -> None:
        """Write it as a Docker archive."""
        _checked([*self._program, "save", "--output", str(archive), reference])


class Podman(Engine):
    """Needs no daemon."""

    name = "podman"

    def available(self) -> bool:
        """Whether it is there and finds its storage."""
        return shutil.which(self.name) is not None and _quiet([self.name, "info"], PROBE_SECONDS).returncode == 0

    def build(self, recipe: Recipe) -> None:
        """Build without a runtime: our steps need no namespaces."""
        options = ("--layers", "--force-rm", "--isolation=chroot", "--pull=never", *_made(recipe))
        _loud([*self._program, "build", *options, *recipe.flags, str(recipe.context)])

    def save(self, reference: str, archive: Path) -> None:
        """Write it as an OCI archive."""
        _checked([*self._program, "save", "--quiet", "--format=oci-archive", f"--output={archive}", reference])


class Buildah(Engine):
    """Needs neither a daemon nor a runtime, and keeps its images in our cache."""

    name = "buildah"

    def available(self) -> bool:
        """Whether it is there."""
        return shutil.which(self.name) is not None

    def build(self, recipe: Recipe) -> None:
        """Build in a chroot."""
        options = ("--layers", "--force-rm", "--isolation=chroot", "--pull-never", *_made(recipe))
        _loud([*self._program, "bud", *options, *recipe.flags, str(recipe.context)])

    def save(self, reference: str, archive: Path) -> None:
        """Write it as an OCI archive."""
        _checked([*self._program, "push", "--quiet", reference, f"oci-archive:{archive}:{reference}"])

    @property
    def _program(self) -> list[str]:
        home = cache_home() / "buildah"
        return [self.name, f"--root={home / 'storage'}", f"--runroot={home / 'run'}"]

    @property
    def _pull(self) -> list[str]:
        return ["pull", "--policy=always"]  # it would be content with an old one

    @property
    def _inspect(self) -> list[str]:
        return ["inspect", "--type=image", "--format={{.FromImageID}}"]


ENGINES: Sequence[Engine] = (Docker(), Podman(), Buildah())


def find() -> Engine:
    """The one that $IMAGE_BUILDER names, else the first that works; buildah is installed where there is none."""
    wanted = os.environ.get(BUILDER, "")
    if wanted:
        return _named(wanted)
    working = next((engine for engine in ENGINES if engine.available()), None)
    if working is None:
        packages.install(["buildah"])
        working = Buildah()
    return working


def _named(name: str) -> Engine:
    engine = next((engine for engine in ENGINES if engine.name == name), None)
    if engine is None:
        raise ClusterError(f"{BUILDER}={name} is unknown; write {', '.join(each.name for each in ENGINES)}")
    if not engine.available():
        raise ClusterError(f"{BUILDER}={name}: {name} is not installed, or its engine does not answer")
    return engine


def _made(recipe: Recipe) -> list[str]:
    return [f"--timestamp={recipe.epoch}"] if recipe.epoch else []


def _loud(command: Sequence[str], **environment: str) -> None:
    """Run what shows its own progress, on our standard error."""
    variables = {**os.environ, **environment}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=2, timeout=BUILD_SECONDS, check=False, env=variables
    )
    if done.returncode != 0:
        raise ClusterError(f"'{command[0]}' could not build the image, see above")


def _checked(command: Sequence[str]) -> None:
    done = _quiet(command)
    if done.returncode != 0:
        raise ClusterError(f"'{' '.join(command)}' failed: {_last_line(done.stdout)}")


def _quiet(command: Sequence[str], seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
    return run_quietly(command, seconds=seconds)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1].removeprefix("Error: ")
