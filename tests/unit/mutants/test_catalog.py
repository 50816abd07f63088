"""Each mutant of the source still applies: `make mutants` then has the tests try it."""

import pytest

from tests.mutants.catalog import MUTANTS, ROOT, TESTS, Mutant, Outdated, mutated
from tests.mutants.trial import UNIT

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_mutant_applies_and_is_python(name: str) -> None:
    mutant = BY_NAME[name]
    compile(mutated(mutant, (ROOT / mutant.path).read_text()), mutant.file, "exec")


def test_catalog_has_over_thirty_mutants_with_unique_names() -> None:
    assert len(BY_NAME) == len(MUTANTS) >= 30
    assert {mutant.file for mutant in MUTANTS} == TESTS.keys()


def test_the_tests_that_look_at_a_file_exist() -> None:
    wanted = {name for names in TESTS.values() for name in names} | {name for each in MUTANTS for name in each.tests}
    assert [name for name in sorted(wanted) if not (ROOT / UNIT / name).is_file()] == []


def test_mutant_without_its_text_is_reported() -> None:
    mutant = Mutant(name="x", file="a.py", what="", before="gone", after="")
    with pytest.raises(Outdated, match=r"mutant x: its text stands 0 times in operator/dkron_operator/a\.py"):
        mutated(mutant, "here")
