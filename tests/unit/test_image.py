"""How the image is built: what goes into it, where its base and its packages come from."""

import fnmatch
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from image import ImageError, bases, pip_settings
from image.reference import Reference
from localcluster import archives, engines
from localcluster.engines import Engine, Recipe
from localcluster.errors import ClusterError

ROOT = Path(__file__).parents[2]
OTHER = "registry.example/python:3.13"


class FakeEngine(Engine):
    """Holds images by name, and pulls those that its registry has."""

    name = "fake"

    def __init__(self, held: Sequence[str] = (), registry: Sequence[str] = ()) -> None:
        self.held, self.registry = {*held}, {*registry}
        self.built: list[Recipe] = []

    def available(self) -> bool:
        return True

    def build(self, recipe: Recipe) -> None:
        self.built.append(recipe)
        self.held.add(recipe.reference)

    def save(self, reference: str, archive: Path) -> None:
        archive.write_text(reference)

    def pull(self, reference: str) -> str:
        if reference not in self.registry:
            return "no such host"
        self.held.add(reference)
        return ""

    def id_of(self, reference: str) -> str:
        return f"{len(reference):064x}" if reference in self.held else ""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dkron-operator"


def test_every_package_of_the_wheel_is_in_the_context() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    included = [line.removeprefix("!") for line in lines if line.startswith("!")]
    excluded = [line for line in lines if line and line[0] not in "#!*"]
    assert lines[1] == "*", "nothing is in the context but what is named"
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert Path(package).parts[0] in included, package
        assert not any(fnmatch.fnmatch(package, pattern) for pattern in excluded), package


@pytest.mark.parametrize("name", ["build", "image"])
def test_each_requirement_has_hashes(name: str) -> None:
    blocks = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", "").splitlines()
    pinned = [line for line in blocks if "==" in line and not line.lstrip().startswith("#")]
    assert pinned
    assert [line for line in pinned if "--hash=sha256:" not in line] == []


class TestBase:
    def test_held_base_is_used_and_a_missing_one_pulled_by_digest(self) -> None:
        exact = Reference.parse(bases.DEFAULT).exact
        engine = FakeEngine(held=[exact])
        assert bases.ensure(engine, bases.DEFAULT) == exact
        assert engine.built == []
        assert bases.ensure(FakeEngine(registry=[exact]), bases.DEFAULT) == exact
        assert bases.ensure(FakeEngine(registry=[OTHER]), OTHER) == OTHER

    @pytest.mark.parametrize("held", [[], [OTHER]], ids=["not held", "held, and pulled again"])
    def test_another_base_is_never_replaced(self, held: list[str]) -> None:
        with pytest.raises(ImageError, match=f"^fake cannot pull {OTHER}: no such host$"):
            bases.ensure(FakeEngine(held), OTHER, refresh=bool(held))

    def test_default_base_is_built_once_without_a_registry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[str] = []

        def make(engine: FakeEngine, name: str) -> None:
            made.append(name)
            engine.held.add(name)

        monkeypatch.setattr(bases, "_make", make)
        engine = FakeEngine()
        name = bases.ensure(engine, bases.DEFAULT)
        assert name.startswith("localhost/dkron-operator-base:")
        assert bases.ensure(engine, bases.DEFAULT) == name
        assert made == [name]

    def test_a_change_of_the_recipe_changes_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bases, "_make", lambda *_: None)
        before = bases.ensure(FakeEngine(), bases.DEFAULT)
        monkeypatch.setattr(bases, "PACKAGES", (*bases.PACKAGES, "another"))
        assert bases.ensure(FakeEngine(), bases.DEFAULT) != before


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param([], [], id="apt knows nothing"),
        pytest.param(["Ubuntu noble http://mirror.example/ubuntu/"], [], id="another distribution"),
        pytest.param([" bookworm http://mirror.example/debian/"], [], id="no list was fetched yet"),
        pytest.param(
            [
                "Debian bookworm http://mirror.example/debian/",
                "Debian bookworm http://mirror.example/debian/",
                "Debian bookworm-updates http://mirror.example/debian/",
                "Debian bookworm-security http://mirror.example/debian-security/",
                "Else bookworm http://packages.example/",
            ],
            [
                "deb http://mirror.example/debian/ trixie main",
                "deb http://mirror.example/debian-security/ trixie-security main",
                "deb http://mirror.example/debian/ trixie-updates main",
            ],
            id="Debian with updates and security",
        ),
    ],
)
def test_local_mirrors_serve_another_suite(known: list[str], expected: list[str]) -> None:
    assert bases.mirror_lines(known, suite="trixie") == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([":env:.index-url='https://b.example'", "global.index-url='https://a.example'"],
                     {"index-url": "https://b.example"}, id="the environment has the last word"),
        pytest.param([":env:.default-timeout='180'"], {"timeout": "180"}, id="a default by its short name"),
        pytest.param(["global.cert='/etc/ca.pem'", "global.user='true'"], {}, id="what is of this machine"),
        pytest.param([":env:.find-links='/opt/wheels'"], {}, id="a folder of this machine"),
        pytest.param(["install.find-links='https://a.example/'"], {"find-links": "https://a.example/"}, id="one"),
        pytest.param(["global.trusted-host='a.example\\nb.example'"], {"trusted-host": "a.example\n    b.example"},
                     id="several"),
    ],
)  # fmt: skip
def test_pip_in_the_build_goes_where_pip_here_goes(listed: list[str], expected: dict[str, str]) -> None:
    assert pip_settings.options(listed) == expected


def test_pip_settings_are_readable_only_by_their_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("a certificate")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@a.example/simple")
    secrets = pip_settings.write(tmp_path)
    assert secrets["certificates"] == bundle
    assert secrets["pip.conf"].stat().st_mode & 0o777 == 0o600
    lines = secrets["pip.conf"].read_text().splitlines()
    assert "index-url = https://me:secret@a.example/simple" in lines
    assert f"cert = {pip_settings.INSIDE}" in lines


class TestEngines:
    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("make", r"^IMAGE_BUILDER=make is unknown; write docker, podman, buildah$"),
            ("podman", r"^IMAGE_BUILDER=podman: podman is not installed"),
        ],
    )
    def test_the_named_one_has_to_be_known_and_to_work(
        self, name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(engines.BUILDER, name)
        monkeypatch.setenv("PATH", "")
        with pytest.raises(ClusterError, match=sentence):
            engines.find()

    def test_an_archive_is_written_once_for_a_content(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "find", lambda: FakeEngine(held=[OTHER]))
        archive = archives.of(OTHER)
        assert archive.parent == cache / "images"
        archive.write_text("as it was")
        assert archives.of(OTHER).read_text() == "as it was"
        assert [path.name for path in archive.parent.iterdir()] == [archive.name]

    def test_few_archives_of_an_image_are_kept(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = FakeEngine(held=[OTHER])
        monkeypatch.setattr(engines, "find", lambda: engine)
        for number in range(archives.KEPT + 2):
            monkeypatch.setattr(engine, "id_of", lambda _, number=number: f"{number:012}")
            newest = archives.of(OTHER)
        kept = [*(cache / "images").iterdir()]
        assert len(kept) == archives.KEPT
        assert newest in kept

    def test_an_image_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "find", FakeEngine)
        with pytest.raises(ClusterError, match=f"^fake has no image {OTHER}; `make image` builds the project's own$"):
            archives.of(OTHER)
