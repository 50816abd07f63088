"""A pod has the time that its programs take to end at most."""

from collections.abc import Iterator

from dkron_api import main as api
from dkron_operator import lifecycle
from tests.support.charts import Object, of_kind, rendered


def pod() -> Object:
    """The operator's pod, with the API beside it."""
    (deployment,) = of_kind(rendered(), "Deployment")
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def steps_of_the_operator() -> Iterator[float]:
    """As `Operator._work` takes them, if each uses up its time: calls, messages, statuses, and once more the last two;
    the DkronCluster, the Lease, the watches."""
    yield from (lifecycle.GRACE, lifecycle.LAST_MAIL, lifecycle.GRACE, lifecycle.LAST_WORDS, lifecycle.LAST_MAIL)
    yield from (lifecycle.LAST_STATUS, lifecycle.FAREWELL, lifecycle.GRACE)


def test_the_operator_has_time_to_hand_over() -> None:
    assert sum(steps_of_the_operator()) < pod()["terminationGracePeriodSeconds"]


def test_the_api_has_time_to_answer() -> None:
    (container,) = (each for each in pod()["containers"] if each["name"] == "api")
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits + 2 * api.GRACE < pod()["terminationGracePeriodSeconds"]
