"""What docker, podman and buildah are told, by programs in their place that note it."""

import os
from pathlib import Path

import pytest

from localcluster import engines
from localcluster.engines import Buildah, Docker, Engine, Podman, Recipe
from localcluster.errors import ClusterError

NOTE = """#!/bin/sh
echo "${DOCKER_BUILDKIT:+DOCKER_BUILDKIT=$DOCKER_BUILDKIT }${0##*/} $*" >>"$NOTES"
case "$*" in
  *refused*) echo 'Error: no such host'; exit 1 ;;
  *inspect*) echo sha256:0123abc ;;
  info) ;;
esac
"""
FLAGS = "--build-arg=BASE=b@sha256:0 --secret=id=pip.conf,src=/s/pip.conf --label=a.b=c --tag=r:1 /context"
RECIPE = Recipe(Path("/context"), "r:1", {"BASE": "b@sha256:0"}, {"pip.conf": Path("/s/pip.conf")}, {"a.b": "c"}, 86400)
STORAGE = "--root={cache}/dkron-operator/buildah/storage --runroot={cache}/dkron-operator/buildah/run"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs, notes = tmp_path / "bin", tmp_path / "notes"
    programs.mkdir()
    notes.touch()
    for name in ("docker", "podman", "buildah"):
        (programs / name).write_text(NOTE)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("NOTES", str(notes))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(engines.BUILDER, raising=False)
    return notes


TOLD: dict[Engine, list[str]] = {
    Docker(): [
        f"DOCKER_BUILDKIT=1 docker build --build-arg=SOURCE_DATE_EPOCH=86400 {FLAGS}",
        "docker pull b@sha256:0",
        "docker image inspect --format {{{{.Id}}}} r:1",
        "docker save --output /a.tar r:1",
    ],
    Podman(): [
        f"podman build --layers --force-rm --isolation=chroot --pull=never --timestamp=86400 {FLAGS}",
        "podman pull b@sha256:0",
        "podman image inspect --format {{{{.Id}}}} r:1",
        "podman save --quiet --format=oci-archive --output=/a.tar r:1",
    ],
    Buildah(): [
        f"buildah {STORAGE} bud --layers --force-rm --isolation=chroot --pull-never --timestamp=86400 {FLAGS}",
        f"buildah {STORAGE} pull --policy=always b@sha256:0",
        f"buildah {STORAGE} inspect --type=image --format={{{{{{{{.FromImageID}}}}}}}} r:1",
        f"buildah {STORAGE} push --quiet r:1 oci-archive:/a.tar:r:1",
    ],
}
each_engine = pytest.mark.parametrize("engine", TOLD, ids=lambda engine: engine.name)


@each_engine
def test_each_engine_gets_its_own_arguments(engine: Engine, notes: Path, tmp_path: Path) -> None:
    engine.build(RECIPE)
    assert engine.pull("b@sha256:0") == ""
    assert engine.id_of("r:1") == "0123abc"
    engine.save("r:1", Path("/a.tar"))
    told = notes.read_text().splitlines()
    assert told == [line.format(cache=tmp_path / "cache") for line in TOLD[engine]]


@each_engine
@pytest.mark.usefixtures("notes")
def test_refusal_is_reported_in_the_words_of_the_engine(engine: Engine) -> None:
    assert engine.pull("refused") == "no such host"
    assert engine.id_of("refused") == ""
    with pytest.raises(ClusterError, match="could not build the image"):
        engine.build(Recipe(Path("/refused"), "r:1", {}, {}))
    with pytest.raises(ClusterError, match="no such host"):
        engine.save("refused", Path("/a.tar"))
