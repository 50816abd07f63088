"""Each mutant of the source still applies: `make mutants` then has the tests try it."""

from pathlib import Path

import pytest

from tests.mutants.catalog import MUTANTS, ROOT, TESTS, Mutant, Outdated, mutated

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_mutant_applies_and_is_python(name: str) -> None:
    mutant = BY_NAME[name]
    compile(mutated(mutant, (ROOT / mutant.path).read_text()), mutant.file, "exec")


def test_catalog_has_over_thirty_mutants_with_unique_names() -> None:
    assert len(BY_NAME) == len(MUTANTS) >= 30
    assert {each.file if each.file in TESTS else str(Path(each.file).parent) for each in MUTANTS} == TESTS.keys()


def test_the_tests_that_look_at_a_file_exist() -> None:
    wanted = {test for each in MUTANTS for test in each.unit_tests}
    assert [str(test) for test in sorted(wanted) if not (ROOT / test).is_file()] == []


def test_mutant_without_its_text_is_reported() -> None:
    mutant = Mutant(name="x", file="a.py", what="", before="gone", after="")
    with pytest.raises(Outdated, match=r"mutant x: its text stands 0 times in operator/dkron_operator/a\.py"):
        mutated(mutant, "here")
