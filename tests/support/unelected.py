"""A replica that acts whatever the others do, as one does that may not read the Lease."""

import asyncio

from dkron_operator.leader.lease import Lease


class Unelected(Lease):
    """Takes part in no election."""

    async def run(self) -> None:
        """Act until cancelled."""
        self._report(self.view.goes_free("a test acts without it"))
        await asyncio.Event().wait()
