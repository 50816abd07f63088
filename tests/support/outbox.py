"""The outbox of a status, in tests: its entries, and what each receiver has yet to get."""

from collections.abc import Iterable

from dkron_crds.job import JobStatus, OutboxEntry, Receiver
from dkron_operator.plan.status.outbox import owed_to

ARCHIVE, DELIVERY = Receiver.ARCHIVE, Receiver.DELIVERY


def outbox(jobs: Iterable[str], *to: Receiver) -> tuple[OutboxEntry, ...]:
    return tuple(OutboxEntry(job=job, to=to) for job in jobs)


def undelivered(status: JobStatus) -> tuple[str, ...]:
    return owed_to(status, DELIVERY)


def unarchived(status: JobStatus) -> tuple[str, ...]:
    return owed_to(status, ARCHIVE)
