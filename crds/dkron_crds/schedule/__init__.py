"""Dkron schedules: parses them and computes when they are due. Pure; depends on no other part of the project.

`parse` turns a text into a `Schedule`, which has three methods: `next`, `latest`, `count`.
"""

from dkron_crds.schedule.errors import ScheduleError, TimezoneError
from dkron_crds.schedule.grammar import parse
from dkron_crds.schedule.timeline import Schedule

__all__ = ["Schedule", "ScheduleError", "TimezoneError", "parse"]
