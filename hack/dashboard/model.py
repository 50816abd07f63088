"""What a dashboard consists of, as far as this one needs it."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["short", "s", "ops", "reqps", "bytes", "percentunit", "dateTimeFromNow"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how Grafana names its series: `{{result}}`.

    `SERIES` in an expression stands for the matchers of the dashboard's variables.
    """

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph over time; `width` of 24."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    width: int = 8
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """What is so now, as a large number. From `bad` on it is red; `none_is_bad`: 0 is red instead."""

    title: str
    description: str
    query: Query
    unit: Unit = "short"
    width: int = 3
    bad: float | None = None
    none_is_bad: bool = False
    text: bool = False
    """Whether the name of the series is shown instead of its value."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel | Number, ...]
