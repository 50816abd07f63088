"""Random jobs for the model."""

from hypothesis import strategies as st

from dkron_crds.job import Concurrency, JobSpec, MissedRuns
from tests.chaos.history import Act
from tests.unit.chaos.model import Outage, Script, Story

SCHEDULES = (
    "*/5 * * * * *", "*/7 * * * * *", "0,20,45 * * * * *", "10-30/4 * * * * *", "@every 3s", "@every 11s", "@every 40s",
    "@minutely", "@at 2026-03-01T00:00:20Z", "@manually", "0 */2 * * * *",
)  # fmt: skip

specs = st.builds(
    JobSpec,
    schedule=st.sampled_from(SCHEDULES),
    # The model knows no line; `test_line_rules.py` tries its rules.
    concurrency=st.sampled_from([each for each in Concurrency if each is not Concurrency.QUEUE]),
    missed_runs=st.sampled_from(MissedRuns),
    retries=st.integers(0, 2),
    starting_deadline_seconds=st.sampled_from((None, None, 4, 15)),
    history=st.just({"executions": 100}),
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[tuple[int, Act, JobSpec | None], ...]:
    times = sorted(draw(st.sets(st.integers(10, 80), max_size=3)))
    found: list[tuple[int, Act, JobSpec | None]] = []
    for when in times:
        act = draw(st.sampled_from((Act.EDIT, Act.DISABLE, Act.ENABLE, Act.DELETE)))
        found.append((when, act, draw(specs) if act is Act.EDIT else None))
        if act is Act.DELETE:
            break
    return tuple(found)


@st.composite
def scripts(draw: st.DrawFn, name: str, *, watched: bool) -> Script:
    return Script(
        name=name,
        watched=watched,
        spec=draw(specs),
        made=draw(st.integers(1, 10)),
        edits=draw(edits()),
        requests=tuple(sorted(draw(st.sets(st.integers(15, 80), max_size=2)))),
        lasts=tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))),
        fails=tuple(draw(st.lists(st.booleans(), min_size=1, max_size=3))),
    )


@st.composite
def outages(draw: st.DrawFn) -> tuple[Outage, ...]:
    begins = draw(st.lists(st.integers(12, 60), max_size=2, unique=True).map(sorted))
    found: list[Outage] = []
    for begin in begins:
        if not found or begin > found[-1].end:
            found.append(Outage(begin, begin + draw(st.integers(2, 20))))
    return tuple(found)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Two jobs, and outages."""
    return Story((draw(scripts("a", watched=True)), draw(scripts("b", watched=False))), draw(outages()))
