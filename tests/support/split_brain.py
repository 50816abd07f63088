"""Several operators at once in the world of `simulation.py`, each of which believes that it leads, and each with a view
of the object that is as old as the test wants it to be."""

from collections.abc import Iterable

from dkron_crds.job import JobStatus
from dkron_operator.plan.fold import Change
from dkron_operator.plan.view import JobView
from tests.support.simulation import Fault, Process, World, WroteFirst


class Rival(Process):
    """An operator that sees a version of the object when it is told to, or when its own write meets a newer one."""

    def __init__(self, world: World) -> None:
        self.version = world.version
        self.seen = world.job, world.status
        super().__init__(world)

    @property
    def base(self) -> tuple[JobView, JobStatus]:
        return self.seen

    def look(self) -> None:
        """The watch brings the newest version."""
        self.version, self.seen = self.world.version, (self.world.job, self.world.status)

    def accept(self) -> None:
        """The answer shows the newest version."""
        super().accept()
        self.look()

    def write(self) -> None:
        """The writer folds what is pending onto whatever is there."""
        if self.pending:
            self.look()
            self.flush()

    def _write(self, changes: Iterable[Change], lost: Fault) -> bool:
        if self.version != self.world.version:
            self.look()
            raise WroteFirst
        answered = super()._write(changes, lost)
        if answered:
            self.look()
        return answered
