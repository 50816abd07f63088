"""The counters of the budgets, and the walk through the source, on a small example."""

import ast
from textwrap import dedent

import pytest

from budgets.lines import code_lines, fields, names_of_type
from budgets.walk import Source, Steps, Walk

JOB = '''
"""A module."""

# A comment.
class Job:
    """A job."""

    name: str
    """Its name."""

    runs: tuple[
        "Run", ...
    ] = ()


def newest_run(runs: list[Run], other: Run | None) -> Run | None:
    text = """one
two"""
    first_run: Run | None = None
    return first_run or other
'''


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param('"""A text."""\n\n# a comment\n\nx = 1  # one\n', 1, id="one statement"),
        pytest.param('x = """one\n\nthree"""\n', 3, id="a text that is used"),
        pytest.param(
            "def f() -> None:\n    '''Does it.'''\n\n    g(\n        1,\n    )\n", 4, id="a call over three lines"
        ),
        pytest.param(JOB, 10, id="a module"),
    ],
)
def test_code_lines(source: str, lines: int) -> None:
    assert code_lines(source) == lines


def test_fields_and_names() -> None:
    assert (fields(JOB, "Job"), fields(JOB, "Run")) == (2, 0)
    assert sorted(names_of_type(JOB, "run", ("Run",))) == ["first_run", "newest_run", "runs"]


APP = {
    "a.queue": """
        from a.plan import STEPS, Plan
        from a.store import Store

        class Worker:
            def __init__(self, store: Store, other: "Store | None") -> None:
                self._store, self._other = store, other

            async def work(self, key: str) -> None:
                job = self._store.get(key)
                plan = Plan(job.name)
                for step in STEPS:
                    step(plan)
                await self._write(plan)

            async def _write(self, plan: Plan) -> None:
                if plan.changed:
                    self._store(plan)

            def unused(self) -> None:
                self._store.drop()
        """,
    "a.store": """
        from a.plan import Plan

        class Job:
            name: str

        class Base:
            def get(self, key: str) -> Job:
                return self._found(key)

            def _found(self, key: str) -> Job: ...

        class Store(Base):
            def __call__(self, plan: Plan) -> None: ...
            def drop(self) -> None: ...
        """,
    "a.plan": """
        class Plan:
            def __init__(self, name: str) -> None: ...

            @property
            def changed(self) -> bool:
                return any(map(is_new, self.changes))

        def first(plan: Plan) -> None:
            first(plan)

        def second(plan: Plan) -> None: ...
        def is_new(change: str) -> bool: ...

        STEPS = (first, second)
        """,
}


def walk(entry: str) -> Steps:
    source = Source()
    for name, text in APP.items():
        source.add(name, ast.parse(dedent(text)))
    return Walk(source).follow(entry)


def test_walk() -> None:
    steps = walk("a.queue:Worker.work")
    assert [(each.module, each.name) for each in steps.functions] == [
        ("a.queue", "Worker.work"),
        ("a.store", "Base.get"),
        ("a.store", "Base._found"),
        ("a.plan", "Plan.__init__"),
        ("a.plan", "first"),
        ("a.plan", "second"),
        ("a.queue", "Worker._write"),
        ("a.plan", "Plan.changed"),
        ("a.plan", "is_new"),
        ("a.store", "Store.__call__"),
    ]
    assert (steps.files, steps.returns) == (3, 3)


def test_entry_that_is_gone() -> None:
    with pytest.raises(KeyError, match=r"Worker\.gone"):
        walk("a.queue:Worker.gone")
