"""The bill of materials of an image, as CycloneDX 1.6 has it: https://cyclonedx.org/docs/1.6/json/.

It is read from the image itself, not from what was asked for: a package that came in otherwise is in it, too.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release.packages import Package

PROJECT = "https://github.com/dkron-operator/dkron-operator"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)


def document(packages: Sequence[Package], *, image: str, system: str, described: str, version: str, epoch: int) -> str:
    """The bill as JSON, the same for the same packages.

    `image` is the name with its tag, `system` such as `debian-13`, `described` what the serial number is made from.
    """
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, described))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.metadata.component = subject = _subject(image, version)
    components = {(package.ecosystem, package.name): _component(package, system) for package in packages}
    bom.components.update(components.values())
    needed: set[tuple[str, str]] = set()
    for package in packages:
        needs = {(package.ecosystem, name) for name in package.needs} & components.keys()
        bom.register_dependency(components[package.ecosystem, package.name], [components[need] for need in needs])
        needed |= needs
    bom.register_dependency(subject, [component for name, component in components.items() if name not in needed])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _subject(image: str, version: str) -> Component:
    return Component(
        type=ComponentType.CONTAINER,
        name=image.rpartition(":")[0],
        version=version,
        bom_ref="image",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(PROJECT))],
    )


def _component(package: Package, system: str) -> Component:
    address = _address(package, system)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        description=package.summary or None,
        purl=address,
        bom_ref=str(address),
        licenses=[LicenseFactory().make_from_string(package.licence)] if package.licence else [],
    )


def _address(package: Package, system: str) -> PackageURL:
    if package.ecosystem == "npm":
        scope, _, name = package.name.rpartition("/")
        return PackageURL("npm", scope or None, name, package.version)
    if package.ecosystem != "deb":
        return PackageURL(package.ecosystem, None, package.name, package.version)
    qualifiers = {"arch": package.architecture, "distro": system}
    return PackageURL("deb", system.partition("-")[0], package.name, package.version, qualifiers)
