"""A release: its version, its gate, its notes, its checksums, its bill of materials."""

import hashlib
import io
import json
import re
import subprocess
import tarfile
from dataclasses import replace
from importlib import resources
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest
import yaml
from jsonschema_rs import Registry, validator_for

from dkron_runtime.image import own_image
from image import source
from image.source import Source, read
from release import ReleaseError, building, cli, gate, packages, parts, sbom, version
from release.packages import Package
from release.version import of_project, semantic

ROOT = Path(__file__).parents[2]
COMMIT = "d670460b4b4aece5915caf5c68d12f560a9fe3e4"
NOTES = """# Changelog

How it is kept.

## Unreleased

- soon

## [1.2.0] - 2026-11-25

### Added

- `a`, and
  more

## 1.1.0 - 2026-10-01

## 1.0.0
- old
"""


class TestVersion:
    @pytest.mark.parametrize(
        ("python", "helm"),
        [("0.1.0", "0.1.0"), ("10.20.30", "10.20.30"), ("1.0.0a1", "1.0.0-alpha.1"), ("1.0.0b2", "1.0.0-beta.2"),
         ("1.0.0rc12", "1.0.0-rc.12")],
    )  # fmt: skip
    def test_it_is_written_as_each_ecosystem_does(self, python: str, helm: str) -> None:
        assert semantic(python) == helm

    @pytest.mark.parametrize("text", ["1.0", "1.0.0.dev1", "1.0.0-rc.1", "1.0.0+mine", "v1.0.0", "1.0.0post1", ""])
    def test_version_inexpressible_in_one_format_is_refused(self, text: str) -> None:
        with pytest.raises(ReleaseError, match=rf"^pyproject.toml: version '{re.escape(text)}' must have the form"):
            semantic(text)

    def test_version_of_the_project_is_the_same_everywhere(self) -> None:
        assert installed_version("dkron-operator") == of_project(ROOT)
        assert own_image().endswith(f":{of_project(ROOT)}")
        assert [str(path.relative_to(ROOT)) for path, _ in version.outdated(ROOT, of_project(ROOT))] == []

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("image: {}/dkron-operator:0.1.0", ":2.0.0rc1", id="an image"),
            pytest.param("built {}/dkron-operator:0.1.0.", ":2.0.0rc1.", id="the end of a sentence"),
            pytest.param("oci://{}/charts/dkron-operator --version 0.1.0", " 2.0.0-rc.1", id="a chart"),
            pytest.param("{}/dkron-operator:0.1.0-rc.1 is", ":2.0.0rc1 is", id="a candidate"),
        ],
    )
    def test_it_moves_in_pages(self, text: str, expected: str) -> None:
        moved = version.renewed(text.format("ghcr.io/dkron-operator"), version="2.0.0rc1", chart=False)
        assert moved.endswith(expected)
        assert version.renewed(moved, version="2.0.0rc1", chart=False) == moved

    def test_version_changes_in_the_chart_and_leaves_others(self) -> None:
        chart = 'apiVersion: v2\nversion: {}\nappVersion: "{}"\nkubeVersion: ">=1.30.0-0"\n  version: 0.1.0\n'
        before = chart.format("0.1.0", "0.1.0")
        assert version.renewed(before, version="2.0.0rc1", chart=True) == chart.format("2.0.0-rc.1", "2.0.0rc1")
        assert version.renewed(before, version="2.0.0rc1", chart=False) == before


class TestChangelog:
    def test_each_version_has_its_section(self) -> None:
        found = gate.sections(NOTES)
        assert [(each.name, each.date) for each in found] == [
            ("Unreleased", ""), ("1.2.0", "2026-11-25"), ("1.1.0", "2026-10-01"), ("1.0.0", "")
        ]  # fmt: skip
        assert found[1].text == "### Added\n\n- `a`, and\n  more"
        assert [found[2].text, found[3].text] == ["", "- old"]
        assert gate.notes(NOTES, "1.0.0") == "- old"
        assert gate.notes(NOTES, "1.3.0") == "- soon"

    def test_the_changelog_of_this_project_is_of_that_form(self) -> None:
        newest, *released = gate.sections((ROOT / "CHANGELOG.md").read_text("utf-8"))
        assert newest.name == gate.UNRELEASED
        assert [each for each in released if not each.date] == []


class TestGate:
    GOOD = Source(commit=COMMIT, epoch=1_764_000_000)

    @pytest.mark.parametrize(
        ("version", "source", "tag", "expected"),
        [
            pytest.param("1.2.0", GOOD, "v1.2.0", "", id="fit"),
            pytest.param("1.2.0", GOOD, "", "", id="fit, without a tag"),
            pytest.param("1.2.0", replace(GOOD, changed=True), "", "files differ from the commit", id="changed files"),
            pytest.param("1.2.0", Source(), "", "this checkout has no commit", id="no git"),
            pytest.param("1.3.0", GOOD, "", "CHANGELOG.md has no section `## 1.3.0 - YYYY-MM-DD`", id="no section"),
            pytest.param("1.0.0", GOOD, "", "CHANGELOG.md has no section `## 1.0.0 - YYYY-MM-DD`", id="no date"),
            pytest.param("1.1.0", GOOD, "", "CHANGELOG.md says nothing about 1.1.0", id="an empty section"),
            pytest.param("1.2.0", GOOD, "v1.2.1", "the tag is v1.2.1 and pyproject.toml says 1.2.0", id="another tag"),
        ],
    )
    def test_unfit_release_is_refused(self, version: str, source: Source, tag: str, expected: str) -> None:
        reason = gate.refusal(version=version, notes=NOTES, source=source, tag=tag)
        assert reason.startswith(expected)
        assert bool(reason) == bool(expected)


class TestSource:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        (tmp_path / "file").write_text("one")
        for arguments in (
            ["init", "--quiet"],
            ["add", "file"],
            ["-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "--quiet", "--date=@1", "-m", "one"],
            ["tag", "v1.0.0"],
        ):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, env={"PATH": "/usr/bin:/bin",
                           "GIT_COMMITTER_DATE": "@1764000000 +0000", "HOME": str(tmp_path)})  # fmt: skip
        return tmp_path

    def test_commit_has_its_name_and_time_unless_overridden(self, checkout: Path) -> None:
        found = read(checkout, {})
        assert re.fullmatch("[0-9a-f]{40}", found.revision)
        assert (found.created, found.changed, found.tags) == ("2025-11-24T16:00:00Z", False, ("v1.0.0",))
        assert read(checkout, {"SOURCE_DATE_EPOCH": "86400"}).created == "1970-01-02T00:00:00Z"

    @pytest.mark.parametrize("name", ["file", "another"])
    def test_whatever_is_not_in_the_commit_shows(self, checkout: Path, name: str) -> None:
        (checkout / name).write_text("two")
        assert read(checkout, {}).revision.endswith("-dirty")

    def test_nothing_is_known_of_an_unpacked_archive(self, tmp_path: Path) -> None:
        assert read(tmp_path, {}) == Source()
        assert (Source().revision, Source().created) == ("", "")


def test_sums_are_checked_by_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"b" * 100_000)
    (tmp_path / "a.txt").write_bytes(b"a")
    written = parts.write_sums(tmp_path, tmp_path.iterdir())
    expected = f"{hashlib.sha256(b'a').hexdigest()}  a.txt\n{hashlib.sha256(b'b' * 100_000).hexdigest()}  b.txt\n"
    assert written.read_text() == expected
    assert subprocess.run(["sha256sum", "--check", "--strict", parts.SUMS], cwd=tmp_path, check=False).returncode == 0


def test_settled_archive_hides_its_packer_and_time(tmp_path: Path) -> None:
    def packed(name: str, order: list[str], **fields: int) -> Path:
        path = tmp_path / name
        with tarfile.open(path, "w:gz") as tar:
            for each in order:
                member = tarfile.TarInfo(f"chart/{each}")
                member.size = len(each)
                for field, value in fields.items():
                    setattr(member, field, value)
                tar.addfile(member, io.BytesIO(each.encode()))
        parts.settle(path, epoch=1_764_000_000)
        return path

    one, other = packed("one.tgz", ["b", "a"], mtime=5, uid=7), packed("other.tgz", ["a", "b"], mtime=9, mode=0o600)
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as tar:
        assert [(each.name, each.mtime, each.uid) for each in tar] == [
            ("chart/a", 1_764_000_000, 0), ("chart/b", 1_764_000_000, 0)
        ]  # fmt: skip
        content = tar.extractfile("chart/a")
        assert content is not None
        assert content.read() == b"a"


def test_one_file_holds_every_kind() -> None:
    documents = [*yaml.safe_load_all(parts.custom_resources(ROOT / "crds"))]
    assert [each["kind"] for each in documents] == ["CustomResourceDefinition"] * 7
    assert documents == [yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "crds").glob("*.yaml"))]


METADATA = """Metadata-Version: 2.4
Name: Aio_Pika
Version: 9.5
Summary: messages
License-Expression: Apache-2.0
Requires-Dist: yarl>=1; python_version > "3"
Requires-Dist: PyYAML
Requires-Dist: absent

A text: that is no field
"""
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Description: GNU C Library
 more

Package: gone
Status: deinstall ok config-files
Version: 1

Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.3
Depends: libc6 (>= 2.14), other | another
"""
SITE = "opt/dkron/lib/python3.13/site-packages"
FILES = {
    f"{SITE}/aio_pika-9.5.dist-info/METADATA": METADATA,
    f"{SITE}/yarl-1.dist-info/METADATA": f"Name: yarl\nVersion: 1\nLicense: {'long ' * 100}\n",
    f"{SITE}/pyyaml-6.dist-info/METADATA": "Name: PyYAML\nVersion: 6\nLicense: MIT\n",
    f"{SITE}/dkron_api/assets/ui/packages.json": json.dumps(
        [
            {"name": "@preact/signals", "version": "2.1", "license": "MIT"},
            {"name": "uplot", "version": "1.6", "license": "MIT"},
        ]
    ),
    "opt/dkron/pyvenv.cfg": "home = /usr/local/bin\nversion = 3.13.15\n",
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2026a\nArchitecture: all\n",
    "etc/os-release": 'ID=debian\nVERSION_ID="13"\n',
}


def test_page_build_names_its_packages_with_licences() -> None:
    page = ROOT / "api" / "dkron_api" / "assets" / "ui"
    path = f"{SITE}/dkron_api/assets/ui/packages.json"
    found = packages.installed({path: (page / "packages.json").read_bytes()})
    locked = json.loads((ROOT / "ui" / "package-lock.json").read_text("utf-8"))["packages"]
    texts = (page / "THIRD_PARTY.txt").read_text("utf-8")
    assert "preact" in {each.name for each in found}
    for each in found:
        assert each.version == locked[f"node_modules/{each.name}"]["version"], "make ui builds the page again"
        assert f"{each.name} {each.version} ({each.licence})\n" in texts


class TestBill:
    @pytest.fixture
    def files(self) -> dict[str, bytes]:
        assert all(packages.described(path) for path in FILES)
        return {path: text.encode() for path, text in FILES.items()}

    def test_packages_are_found_where_their_managers_install_them(self, files: dict[str, bytes]) -> None:
        libc, tzdata, zlib, python, signals, uplot, pika, pyyaml, yarl = packages.installed(files)
        assert libc == Package("deb", "libc6", "2.41-12", summary="GNU C Library", architecture="amd64")
        assert python == Package("generic", "python", "3.13.15")
        assert signals == Package("npm", "@preact/signals", "2.1", licence="MIT")
        assert (uplot.name, uplot.version) == ("uplot", "1.6")
        assert (tzdata.name, tzdata.version) == ("tzdata", "2026a")
        assert (zlib.version, {*zlib.needs}) == ("1:1.3", {"libc6", "other", "another"})
        assert pika == Package(
            "pypi", "aio-pika", "9.5", "messages", "Apache-2.0", needs=frozenset({"yarl", "pyyaml", "absent"})
        )
        assert [pyyaml.licence, yarl.licence] == ["MIT", ""]
        assert packages.system(files)["VERSION_ID"] == "13"
        assert not packages.described(f"{SITE}/kopf/METADATA")
        assert not packages.described("var/lib/dpkg/status-old")

    def test_sbom_uses_package_urls_and_is_reproducible(self, files: dict[str, bytes]) -> None:
        assert self._document(files) == self._document(dict(reversed(files.items())))
        bill = json.loads(self._document(files))
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        assert {each["purl"] for each in bill["components"]} == {
            "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13",
            "pkg:deb/debian/tzdata@2026a?arch=all&distro=debian-13",
            "pkg:deb/debian/zlib1g@1:1.3?arch=amd64&distro=debian-13",
            "pkg:generic/python@3.13.15",
            "pkg:npm/%40preact/signals@2.1", "pkg:npm/uplot@1.6",
            "pkg:pypi/aio-pika@9.5", "pkg:pypi/pyyaml@6", "pkg:pypi/yarl@1",
        }  # fmt: skip
        needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
        assert needs["pkg:pypi/aio-pika@9.5"] == ["pkg:pypi/pyyaml@6", "pkg:pypi/yarl@1"]
        assert "pkg:pypi/yarl@1" not in needs["image"]
        assert "pkg:pypi/aio-pika@9.5" in needs["image"]
        assert bill["metadata"]["timestamp"] == "2025-11-24T16:00:00+00:00"

    def test_it_is_as_the_standard_wants_it(self, files: dict[str, bytes]) -> None:
        folder, address = resources.files("cyclonedx.schema._res"), "http://cyclonedx.org/schema"
        names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]
        schemas = [json.loads((folder / name).read_text("utf-8")) for name in names]
        registry = Registry([(f"{address}/{name}", schema) for name, schema in zip(names, schemas, strict=True)])
        standard = validator_for(schemas[0], registry=registry)
        bill = json.loads(self._document(files))
        assert [str(error) for error in standard.iter_errors(bill)] == []
        bill["components"][0]["type"] = "whatever"
        assert not standard.is_valid(bill)

    @staticmethod
    def _document(files: dict[str, bytes]) -> str:
        return sbom.document(
            packages.installed(files), image="ghcr.io/a/b:1", system="debian-13", described="abc", version="1",
            epoch=1_764_000_000,
        )  # fmt: skip


class TestCommand:
    @pytest.fixture
    def plans(self, monkeypatch: pytest.MonkeyPatch) -> list[building.Plan]:
        """What would have been built, from a checkout with changes."""
        built: list[building.Plan] = []

        def build(plan: building.Plan) -> list[Path]:
            built.append(plan)
            return [plan.folder / "file"]

        monkeypatch.setattr(building, "build", build)
        monkeypatch.setattr(source, "read", lambda _: replace(TestGate.GOOD, changed=True))
        return built

    def test_unfit_checkout_is_refused_except_as_a_trial(
        self, plans: list[building.Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert cli.main([]) == 1
        assert capsys.readouterr().err == (
            "release: files differ from the commit, see `git status`; commit or remove them (or try it with TRIAL=1)\n"
        )
        assert plans == []
        assert cli.main(["--trial", "--out", str(tmp_path)]) == 0
        shown = capsys.readouterr()
        assert shown.out == f"{tmp_path / 'file'}\n"
        assert shown.err.startswith("this is a trial and must not be published: files differ from the commit")
        (plan,) = plans
        assert plan.version == of_project(ROOT)
        assert plan.notes
