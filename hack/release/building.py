"""A release in a folder: what each part is made from, and in which order."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dkron_runtime.image import own_image
from image.building import build as build_image
from image.contents import Contents
from image.source import Source
from localcluster.progress import say
from release import packages, parts, sbom, single_file
from release.version import semantic

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Plan:
    """The version to release, from where, to where."""

    version: str
    source: Source
    folder: Path
    notes: str


def build(plan: Plan) -> list[Path]:
    """Build all of it; what was in the folder before is gone, so that nothing of another version gets published."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    plan.folder.mkdir(parents=True)
    say("building the wheel and the source distribution")
    parts.distributions(ROOT, plan.folder, epoch=plan.source.epoch)
    _command_line(plan)
    _write(plan, "crds.yaml", parts.custom_resources(ROOT / "crds"))
    _write(plan, "release-notes.md", plan.notes + "\n")
    _image(plan)
    say("packing the chart")
    parts.chart(
        ROOT,
        plan.folder,
        version=semantic(plan.version),
        app_version=plan.version,
        epoch=plan.source.epoch,
    )
    parts.write_sums(plan.folder, plan.folder.iterdir())
    return sorted(plan.folder.iterdir())


def _command_line(plan: Plan) -> None:
    say("packing dkronctl for each platform")
    (wheel,) = plan.folder.glob("*.whl")
    made = single_file.build(ROOT, wheel, plan.folder, version=plan.version, epoch=plan.source.epoch)
    archives = {
        platform: (archive.name, parts.digest(archive))
        for platform, archive in zip(single_file.PLATFORMS, made, strict=True)
    }
    _write(plan, "krew-dkron.yaml", single_file.krew(plan.version, archives, semantic=semantic(plan.version)))


def _image(plan: Plan) -> None:
    archive = plan.folder / f"dkron-operator-{plan.version}-image.tar"
    shutil.copyfile(build_image().archive, archive)
    say("reading the contents of the image")
    files = Contents(archive).files(packages.described)
    system = packages.system(files)
    bill = sbom.document(
        packages.installed(files),
        image=own_image(),
        system=f"{system.get('ID', 'linux')}-{system.get('VERSION_ID', '')}".rstrip("-"),
        described=parts.digest(archive),
        version=plan.version,
        epoch=plan.source.epoch,
    )
    _write(plan, f"dkron-operator-{plan.version}-image.cdx.json", bill)


def _write(plan: Plan, name: str, text: str) -> None:
    (plan.folder / name).write_text(text, encoding="utf-8")
