"""The source roots are no packages: one called `operator` would hide the standard library's."""

import operator
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("root", ["operator", "crds", "lib", "api"])
def test_a_source_root_is_no_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()


def test_import_operator_is_the_standard_library_s() -> None:
    assert operator.__file__ is not None
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))
