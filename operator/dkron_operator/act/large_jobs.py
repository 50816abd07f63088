"""Large DkronJobs take turns. One request about a template of 64 KiB may take the API server a quarter of a second of
CPU, and a few dozen of them at once would delay the slots of all other jobs."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

from dkron_operator.plan.packed_spec import is_large
from dkron_operator.plan.view import JobView

AT_ONCE = 2


class LargeJobs:
    """Which requests about DkronJobs go now."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    def turn(self, job: JobView) -> AbstractAsyncContextManager[None]:
        """The context of one request about this job. A large job waits there until fewer than `AT_ONCE` others have
        theirs; any other job goes at once."""
        return self._turns if is_large(job.spec) else nullcontext()
