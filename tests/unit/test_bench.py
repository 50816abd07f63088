"""The pure parts of the benchmarks: the verdict of a comparison, and the reader of a profile."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from apiserver_profile import REST, parts
from verdict import FLOOR, line, lines


@dataclass(frozen=True)
class Runs:
    """A figure of each version in each round, and what follows."""

    base: Sequence[float]
    now: Sequence[float]
    ratio: float
    noise: float
    verdict: str


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(Runs([10, 10, 10], [10, 10, 10], 1.0, FLOOR, "same"), id="nothing changed"),
        pytest.param(Runs([10, 10, 10], [10.4, 10.4, 10.4], 1.04, FLOOR, "same"), id="below the floor"),
        pytest.param(Runs([10, 10, 10], [10.8, 10.6, 10.7], 1.07, FLOOR, "worse"), id="above the floor"),
        pytest.param(Runs([10, 10, 10], [9, 9, 9], 0.9, FLOOR, "better"), id="less"),
        pytest.param(Runs([10, 10, 10], [11, 15, 12], 1.2, 0.4, "same"), id="runs differ more than versions"),
        pytest.param(Runs([10, 20, 40], [13, 26, 52], 1.3, FLOOR, "worse"), id="a load that hits both drops out"),
        pytest.param(Runs([10, 20, 40], [10, 20, 40], 1.0, FLOOR, "same"), id="a load, and no change"),
        pytest.param(Runs([10], [11], 1.1, FLOOR, "worse"), id="one round"),
        pytest.param(Runs([0, 0], [0, 0], 1.0, FLOOR, "same"), id="never"),
        pytest.param(Runs([1, 1], [0, 0], 0.0, FLOOR, "better"), id="a call that is no more made"),
        pytest.param(Runs([0, 0], [1, 1], math.inf, FLOOR, "worse"), id="a call that is new"),
        pytest.param(Runs([0, 1, 1], [1, 1, 1], 1.0, math.inf, "same"), id="a call that one round lacks"),
    ],
)
def test_verdict_is_given_beyond_the_noise(runs: Runs) -> None:
    found = line("figure", runs.base, runs.now)
    assert (found.ratio, found.noise) == pytest.approx((runs.ratio, runs.noise))
    assert found.verdict == runs.verdict


def test_figures_of_all_rounds_become_lines() -> None:
    base: list[Mapping[str, float]] = [{"CPU, ms": 10, "lists": 1}, {"CPU, ms": 12, "lists": 1}]
    now: list[Mapping[str, float]] = [{"CPU, ms": 10}, {"CPU, ms": 12, "gets": 1}]
    assert [str(each) for each in lines(base, now)] == [
        "CPU, ms | 11 | 11 | 1.00 | 5% | same",
        "lists | 1 | 0 | 0.00 | 5% | better",
        "gets | 0 | 0.5 | inf | inf% | same",
    ]


TRACES = """\
File: kube-apiserver
Type: cpu
Duration: 30s, Total samples = 10s
-----------+-------------------------------------------------------
     5s   runtime.mallocgc
             github.com/google/cel-go/interpreter.(*evalAnd).Eval
             k8s.io/apiserver/pkg/endpoints/handlers.PatchResource
             net/http.(*conn).serve
-----------+-------------------------------------------------------
     1500ms   k8s.io/apiserver/pkg/storage/cacher.(*cacheWatcher).sendWatchCacheEvent
             k8s.io/apiserver/pkg/storage/cacher.(*cacheWatcher).process
-----------+-------------------------------------------------------
     1s   encoding/json.Marshal
             k8s.io/apiserver/pkg/endpoints/handlers.PatchResource
-----------+-------------------------------------------------------
     thread:  7
     1.50s   runtime.scanobject
             runtime.gcBgMarkWorker
-----------+-------------------------------------------------------
     1s   runtime.futex
"""


def test_innermost_frame_that_a_rule_knows_counts() -> None:
    assert parts(TRACES) == pytest.approx(
        {
            "CEL rules, admission policies": 0.5,
            "watch cache and fan-out": 0.15,
            "encoding and decoding": 0.1,
            "garbage collection": 0.15,
            REST: 0.1,
        }
    )
