"""Many DkronJobs of a namespace, as the rows need them."""

from typing import Any, cast

from dkron_crds.depends import MAX_PARENTS
from dkron_kube.client import KubeClient
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.watch.followed import Scope
from tests.support.builders import NOON, Object, wire_job
from tests.support.fake_kube import FakeKube
from tests.unit.costs.cost import Step
from tests.unit.costs.filled import status_with

CLOCK = Clock(lambda: NOON, lambda: 0.0)
SCOPE = Scope(cast("KubeClient", FakeKube()), (), "home", CLOCK)


def named(number: int, *, title: str = "", **fields: Any) -> Object:
    """A DkronJob of many. `title` is its Dkron name, if that is another one."""
    body = wire_job(name=f"job-{number}", uid=f"uid-of-job-{number}", **fields)
    if title:
        body["spec"]["name"] = title
    return body


def plain(count: int) -> list[Object]:
    """Jobs that have nothing to do with each other."""
    return list(map(named, range(count)))


def chained(count: int) -> list[Object]:
    """Jobs that each run after the one before."""
    below = (named(number, schedule="", dependsOn=[{"job": f"job-{number - 1}"}]) for number in range(1, count))
    return [named(0), *below]


def dense(count: int, *, closed: bool) -> list[Object]:
    """Jobs that each run after the 32 before it. `closed`: the first ones run after the last ones, in circles."""
    parents = ([number - step for step in range(1, MAX_PARENTS + 1)] for number in range(count))
    return [
        named(number, schedule="", dependsOn=[{"job": f"job-{each % count}"} for each in above if closed or each >= 0])
        for number, above in enumerate(parents)
    ]


def pairs(count: int) -> list[Object]:
    """An even number of jobs: two each run after each other, and each pair after another one, in a circle."""
    parents = ({number ^ 1, (number - 1) % count if number % 2 == 0 else number ^ 1} for number in range(count))
    return [
        named(number, schedule="", dependsOn=[{"job": f"job-{each}"} for each in above])
        for number, above in enumerate(parents)
    ]


def namesakes(count: int) -> list[Object]:
    """Jobs that want one Dkron name."""
    return [named(number, title="same") for number in range(count)]


def children(count: int) -> list[Object]:
    """Jobs that run after one job, which is the last."""
    found = [named(number, schedule="", dependsOn=[{"job": "parent"}]) for number in range(count)]
    return [*found, wire_job(name="parent", uid="uid-of-parent", status=status_with())]


def edited(body: Object) -> Object:
    """The same DkronJob after an edit."""
    return body | {"metadata": body["metadata"] | {"resourceVersion": "9", "generation": 9}}


def store_of(*bodies: Object) -> Store:
    """A store that knows these DkronJobs."""
    store = Store(clock=CLOCK)
    for body in bodies:
        store.upsert_job(body)
    return store


def event_in(store: Store, body: Object) -> Step:
    """The event of an edit of this DkronJob."""
    after = edited(body)
    return lambda: list(store.upsert_job(after))
