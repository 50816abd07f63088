"""Parameters of a job: which declarations are legal, which values fit them, and what a run gets."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dkron_crds.parameters import Parameter, declaration_problem, missing_default, parameter_problem, resolved


def declared(*each: Mapping[str, Any]) -> tuple[Parameter, ...]:
    return tuple(Parameter.from_wire({"name": "x", **one}) for one in each)


@dataclass(frozen=True)
class Declaration:
    about: str
    declared: tuple[Mapping[str, Any], ...]
    problem: str = ""


DECLARATIONS = [
    Declaration("nothing", ()),
    Declaration("a name", ({},)),
    Declaration("two of one name", ({}, {}), "it is declared twice"),
    Declaration("an enum", ({"type": "enum", "values": ["a", "b"], "default": "b"},)),
    Declaration("an enum without values", ({"type": "enum"},), "an enum needs values"),
    Declaration("values without an enum", ({"values": ["a"]},), "only an enum has them"),
    Declaration("a default beside the enum", ({"type": "enum", "values": ["a"], "default": "b"},), "default does not"),
    Declaration("a pattern", ({"pattern": "[a-z]+", "default": "abc"},)),
    Declaration("a pattern that only RE2 has", ({"pattern": r"\pL+"},)),
    Declaration("a pattern that does not compile", ({"pattern": "("},), 'its pattern "(" is not a regular expression'),
    Declaration("a pattern with a look-ahead", ({"pattern": "(?=a)"},), "is not a regular expression of RE2"),
    Declaration("a default beside the pattern", ({"pattern": "[a-z]+", "default": "a1"},), "does not match its p"),
    Declaration("a pattern of an integer", ({"type": "integer", "pattern": "1"},), "pattern and maxLength are for"),
    Declaration("bounds", ({"type": "integer", "minimum": "-3", "maximum": "3", "default": "0"},)),
    Declaration("bounds of a string", ({"minimum": "a"},), "minimum and maximum are for"),
    Declaration("a bound of another type", ({"type": "number", "minimum": "low"},), 'minimum "low" is not a number'),
    Declaration("an empty range", ({"type": "number", "minimum": "2", "maximum": "1.5"},), "is greater than its max"),
    Declaration("a default below", ({"type": "integer", "minimum": "3", "default": "2"},), "2 is less than its min"),
    Declaration("times of several zones", ({"type": "time", "minimum": "2026-01-01T00:00:00Z",
                                            "default": "2026-01-01T01:30:00+02:00"},), "is less than its minimum"),
    Declaration("a secret", ({"secret": True, "default": "secretRef:db/password"},)),
    Declaration("a choice of secrets", ({"secret": True, "type": "enum", "values": ["secretRef:db/password"]},)),
    Declaration("a secret in clear", ({"secret": True, "default": "hunter2"},), "its value is secretRef:"),
    Declaration("a secret number", ({"secret": True, "type": "integer"},), "a secret has the type string or enum"),
    Declaration("a reference that is no secret", ({"default": "x secretRef:db/password"},), "needs secret: true"),
]  # fmt: skip


@pytest.mark.parametrize("case", DECLARATIONS, ids=lambda case: case.about)
def test_declarations(case: Declaration) -> None:
    problem = declaration_problem(declared(*case.declared))
    assert case.problem in problem
    assert bool(case.problem) == bool(problem)
    assert not problem or problem.startswith('parameter "x": ')
    assert "hunter2" not in problem


@dataclass(frozen=True)
class Case:
    about: str
    declared: Mapping[str, Any]
    fit: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    sentence: str = ""


MAX = str(2**63 - 1)
VALUES = [
    Case("a string", {}, fit=("", "ä", "a\nb", "$(X)", "{{ x }}"), unfit=("\0", "\ud800"), sentence="no program"),
    Case("not too long", {}, fit=("ä" * 4096,), unfit=("a" * 4097,), sentence="at most 4096"),
    Case("no reference", {}, unfit=("secretRef:a/b", "say secretRef:"), sentence="needs secret: true"),
    Case("short", {"maxLength": 2}, fit=("", "äö"), unfit=("abc",), sentence="at most 2 are allowed"),
    Case("the whole pattern", {"pattern": "a|b"}, fit=("a", "b"), unfit=("ab", "", "a\n"), sentence="does not match"),
    Case("an integer", {"type": "integer"}, fit=("0", "-12", MAX), unfit=("", "01", "1.0", "+1", "1_0", "٣", MAX + "0"),
         sentence="is not a whole number of 64 bits"),
    Case("a range", {"type": "integer", "minimum": "1", "maximum": "10"}, fit=("1", "10"), unfit=("11",),
         sentence="11 is greater than its maximum 10"),
    Case("a number", {"type": "number"}, fit=("0", "-0.5", "1e6", "1E-3", "1e999"),
         unfit=(".5", "1.", "NaN", "Infinity", "0x1", "1e9999", "1" * 200), sentence="is not a number as in JSON"),
    Case("a boolean", {"type": "boolean"}, fit=("true", "false"), unfit=("True", "1", ""), sentence="is neither"),
    Case("an enum", {"type": "enum", "values": ["eu", "us"]}, fit=("eu",), unfit=("", "EU"), sentence="values: eu, us"),
    Case("a time", {"type": "time"}, fit=("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.5+02:00"),
         unfit=("2026-01-31", "2026-01-31T09:30:00", "2026-02-30T00:00:00Z", "20260131T093000Z"), sentence="RFC 3339"),
    Case("a secret", {"secret": True}, fit=("secretRef:db/password",),
         unfit=("hunter2", "secretRef:db", "secretRef:a/b "),         sentence="its value is secretRef:<secret>/<key>"),
    Case("a secret among some", {"secret": True, "type": "enum", "values": ["secretRef:a/b"]}, fit=("secretRef:a/b",),
         unfit=("secretRef:a/c",), sentence="the reference is not one of its values"),
]  # fmt: skip


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case.about)
def test_values(case: Case) -> None:
    one = declared(case.declared)
    assert declaration_problem(one) == ""
    assert {value: parameter_problem(one, {"x": value}) for value in case.fit} == dict.fromkeys(case.fit, "")
    for value in case.unfit:
        problem = parameter_problem(one, {"x": value})
        assert problem.startswith('parameter "x": ')
        assert case.sentence in problem
        assert "hunter2" not in problem
        assert problem.isprintable()


@dataclass(frozen=True)
class Run:
    about: str
    given: Mapping[str, str]
    problem: str = ""
    gets: Mapping[str, str] = field(default_factory=dict)


ALL = declared({"name": "must", "required": True}, {"name": "may"}, {"name": "has", "default": "1"})
RUNS = [
    Run("all", {"must": "a", "may": "", "has": "2"}, gets={"must": "a", "may": "", "has": "2"}),
    Run("defaults", {"must": "a"}, gets={"must": "a", "has": "1"}),
    Run("nothing", {}, 'parameter "must": it is required', gets={"has": "1"}),
    Run("an unknown name", {"must": "a", "of\n": "b"},
        r'parameter "of\n": it is not declared; the job has must, may, has',
        gets={"must": "a", "has": "1"}),
]  # fmt: skip


@pytest.mark.parametrize("case", RUNS, ids=lambda case: case.about)
def test_runs(case: Run) -> None:
    problem = parameter_problem(ALL, case.given)
    assert problem.startswith(case.problem)
    assert bool(case.problem) == bool(problem)
    assert resolved(ALL, case.given) == case.gets


def test_job_runs_by_itself_if_required_values_have_defaults() -> None:
    assert missing_default(ALL).startswith('parameter "must": it is required and has no default')
    assert missing_default(declared({"required": True, "default": ""}, {})) == ""
    assert parameter_problem(declared({"required": True, "default": ""}), {}).endswith("give a value for it")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*a){20}", "(?:(?:a{30}){30})"])
def test_a_hostile_pattern_takes_no_time(pattern: str) -> None:
    one, began = declared({"pattern": pattern}), time.process_time()
    parameter_problem(one, {"x": "a" * 4095 + "!"})
    assert time.process_time() - began < 1
