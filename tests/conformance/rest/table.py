"""The table: all rows, area by area."""

from tests.conformance.rest import (
    cluster,
    executions,
    job_object,
    lists,
    one_job,
    restore,
    rules,
    runs,
    upsert,
    validation,
)
from tests.conformance.rest.row import Row

ROWS: tuple[Row, ...] = (
    *rules.ROWS,
    *lists.ROWS,
    *upsert.ROWS,
    *validation.ROWS,
    *job_object.ROWS,
    *one_job.ROWS,
    *executions.ROWS,
    *cluster.ROWS,
    *restore.ROWS,
    *runs.ROWS,
)
