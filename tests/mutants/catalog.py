"""Mistakes in the source of the operator, each as a replacement of text. All of them have to be found."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path("operator/dkron_operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`before` stands exactly once in `file`, below the package of the operator, and becomes `after`. `what` is the
    mistake that this makes; `tests` are unit tests that look at it, beside those of the file."""

    name: str
    file: str
    what: str
    before: str
    after: str
    tests: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file, from the root of the repository."""
        return PACKAGE / self.file


class Outdated(Exception):
    """A mutant whose text does not stand in the source exactly once any more."""


def mutated(mutant: Mutant, source: str) -> str:
    """The source with the mistake. Raises `Outdated`."""
    found = source.count(mutant.before)
    if found != 1:
        raise Outdated(
            f"mutant {mutant.name}: its text stands {found} times in {mutant.path}, and has to stand there once; "
            f"bring tests/mutants/catalog.py up to date:\n{mutant.before}"
        )
    return source.replace(mutant.before, mutant.after)


TESTS: dict[str, tuple[str, ...]] = {
    "plan/acceptance.py": ("test_accept.py",),
    "plan/ahead.py": ("test_ahead.py",),
    "plan/read.py": ("test_read.py", "test_store.py"),
    "plan/slots.py": ("test_slots.py", "test_reconcile.py"),
    "plan/attempts.py": ("test_attempts.py", "test_retries.py", "test_stops.py"),
    "plan/fold.py": ("test_fold.py", "test_written.py", "test_attempts.py"),
    "cache/store.py": ("test_store.py", "test_verify.py", "test_standby.py", "test_reconcile.py"),
    "leader/lease.py": ("test_lease.py", "test_leader.py", "test_standby.py"),
    "act/status_writer.py": ("test_status_writer.py", "test_reconcile.py", "test_standby.py"),
    "reconcile/reconciler.py": ("test_reconcile.py", "test_standby.py", "test_verify.py", "test_tidy.py"),
}
"""The unit tests that look at each file, those that most likely find a mistake first."""

MUTANTS: tuple[Mutant, ...] = (
    # --- slots -------------------------------------------------------------------------------------------------------
    Mutant(
        name="latest-is-passed-too",
        file="plan/slots.py",
        what="missedRuns latest passes over the newest slot as well",
        before="_pass_until(plan, line, newest - TICK, SkipReason.MISSED)",
        after="_pass_until(plan, line, newest, SkipReason.MISSED)",
    ),
    Mutant(
        name="fire-before-since-is-agreed",
        file="plan/slots.py",
        what="slots fire before the API server has the moment from which they count",
        before="        if not is_accepted(plan):",
        after="        if False:",
    ),
    Mutant(
        name="handover-is-downtime",
        file="plan/slots.py",
        what="missedRuns skip drops what came due while one leader followed another",
        before="case MissedRuns.SKIP if not _within_reach(plan, line):",
        after="case MissedRuns.SKIP:",
        tests=("test_standby.py",),
    ),
    Mutant(
        name="missed-runs-overlap-into-skips",
        file="plan/slots.py",
        what="missedRuns all with forbid skips what has to wait for its turn",
        before="return not _catching_up(plan, slot) and _skip(plan, slot, decision)",
        after="return _skip(plan, slot, decision)",
    ),
    Mutant(
        name="many-slots-count-as-one",
        file="plan/slots.py",
        what="several slots that are passed over at once count as one",
        before="count = line.count(mark, newest)",
        after="count = 1",
    ),
    # --- attempts ----------------------------------------------------------------------------------------------------
    Mutant(
        name="one-retry-less",
        file="plan/attempts.py",
        what="the last retry that a job allows is not made",
        before="if entry.attempt > job.spec.retries or job.spec.disabled:",
        after="if entry.attempt >= job.spec.retries or job.spec.disabled:",
    ),
    Mutant(
        name="retry-after-success",
        file="plan/attempts.py",
        what="an attempt follows one that succeeded",
        before="final = outcome.success or _replaced(plan, entry)",
        after="final = _replaced(plan, entry)",
    ),
    Mutant(
        name="retry-at-once",
        file="plan/attempts.py",
        what="a retry does not wait for its backoff",
        before="elif entry.attempt > 1 and entry.started_at > now:",
        after="elif False:",
    ),
    Mutant(
        name="deleted-job-stays-active",
        file="plan/attempts.py",
        what="a Job that somebody deleted is never recorded as lost",
        before="    elif run.gone:\n        _missing(plan, entry)",
        after="    elif run.gone:\n        pass",
    ),
    Mutant(
        name="older-replaces-newer",
        file="plan/attempts.py",
        what="a claim replaces the runs that are newer than it",
        before="return one.group > other.group",
        after="return one.group < other.group",
    ),
    # --- fold --------------------------------------------------------------------------------------------------------
    Mutant(
        name="count-twice",
        file="plan/fold.py",
        what="an outcome counts as often as it is folded",
        before="return status if is_recorded(status, change.execution.job) else _finished(status, change, history)",
        after="return _finished(status, change, history)",
    ),
    Mutant(
        name="recorded-becomes-active",
        file="plan/fold.py",
        what="an attempt that was recorded is active again",
        before="return status if is_recorded(status, entry.job) else _with_active(status, entry)",
        after="return _with_active(status, entry)",
    ),
    Mutant(
        name="pass-twice",
        file="plan/fold.py",
        what="slots that were passed over count again when that is folded again",
        before="    if mark is not None and mark >= change.slot:",
        after="    if False:",
    ),
    Mutant(
        name="mark-moves-back",
        file="plan/fold.py",
        what="the mark goes back to a slot that was decided late",
        before="mark = _later(status.last_schedule_time, slot)",
        after="mark = slot",
    ),
    Mutant(
        name="failure-claims-nothing",
        file="plan/fold.py",
        what="the record of a failure forgets the retry",
        before="if change.retry is not None and not is_known(status, change.retry.job):",
        after="if False:",
    ),
    # --- store -------------------------------------------------------------------------------------------------------
    Mutant(
        name="older-job-wins",
        file="cache/store.py",
        what="an older version of a Job hides the newer one",
        before="(known.version >= run.version or known.gone)",
        after="known.gone",
    ),
    Mutant(
        name="older-dkronjob-wins",
        file="cache/store.py",
        what="an older version of a DkronJob hides the newer one",
        before="        if version <= entry.version:\n            return ()",
        after="        if version == entry.version:\n            return ()",
    ),
    Mutant(
        name="renew-keeps-the-mark",
        file="cache/store.py",
        what="who takes over keeps a mark that was never written",
        before="entry.mark, entry.behind, entry.absent = old.accounting.mark,",
        after="entry.mark, entry.behind, entry.absent = old.mark,",
    ),
    Mutant(
        name="renew-ignores-behind",
        file="cache/store.py",
        what="who takes over believes what watches told that may be old",
        before="behind or old.behind, old.absent",
        after="old.behind, old.absent",
    ),
    Mutant(
        name="believe-lists",
        file="cache/store.py",
        what="what a list shows of a job is taken for new",
        before="entry.unreadable, entry.behind = read is None, True",
        after="entry.unreadable, entry.behind = read is None, False",
    ),
    Mutant(
        name="gone-is-forgotten",
        file="cache/store.py",
        what="a Job that is gone is forgotten before it is recorded",
        before="        if is_recorded(entry.base, name):\n            del runs[name]\n",
        after="        if True:\n            del runs[name]\n",
    ),
    # --- lease -------------------------------------------------------------------------------------------------------
    Mutant(
        name="act-past-the-deadline",
        file="leader/lease.py",
        what="a holder acts on when it could not renew the Lease in time",
        before="held = self.view.held and self._clock.monotonic() - self._renewed_at < self._terms.renew_deadline",
        after="held = self.view.held",
    ),
    Mutant(
        name="renewal-dated-by-its-answer",
        file="leader/lease.py",
        what="a renewal counts from its answer, and not from its beginning",
        before="self._ours, self._renewed_at = lease, began",
        after="self._ours, self._renewed_at = lease, self._clock.monotonic()",
    ),
    Mutant(
        name="take-over-as-if-nothing-was",
        file="leader/lease.py",
        what="who takes the Lease does not know that another has acted",
        before="anew, self._newcomer = self._newcomer or act is not Act.RENEW, False",
        after="anew, self._newcomer = False, False",
    ),
    # --- writer ------------------------------------------------------------------------------------------------------
    Mutant(
        name="claim-on-what-has-changed",
        file="act/status_writer.py",
        what="a claim is written although the job has changed since it was decided",
        before="            if entry.version != planned:",
        after="            if False:",
    ),
    Mutant(
        name="write-over-anything",
        file="act/status_writer.py",
        what="a status is written over whatever is there",
        before='body = {"metadata": {"resourceVersion": str(entry.version)}, "status": patch}',
        after='body = {"status": patch}',
    ),
    Mutant(
        name="claim-drops-what-is-pending",
        file="act/status_writer.py",
        what="what waits to be written is lost when a claim is",
        before="await self._patch(entry, (*entry.pending, *changes), settled=pending)",
        after="await self._patch(entry, changes, settled=pending)",
    ),
    # --- reconcile ---------------------------------------------------------------------------------------------------
    Mutant(
        name="act-on-what-is-behind",
        file="reconcile/reconciler.py",
        what="a job that may be old is acted on without being read again",
        before="            if entry.behind and plan.acts:",
        after="            if False:",
    ),
    Mutant(
        name="plan-while-waiting",
        file="reconcile/reconciler.py",
        what="a replica that waits for the Lease makes plans",
        before="while entry is not None and self._may_act():",
        after="while entry is not None:",
    ),
    Mutant(
        name="fire-on-what-has-changed",
        file="reconcile/reconciler.py",
        what="a plan is carried out although the job has changed since it was made",
        before="if plan.create is not None and entry.version == planned:",
        after="if plan.create is not None:",
    ),
    # --- wiped, edited, ahead of the clock, foreign ------------------------------------------------------------------
    Mutant(
        name="wiped-looks-new",
        file="plan/acceptance.py",
        what="a job whose status was wiped with its record of writers is taken for a new one",
        before="not (job.accepted or job.status_written)",
        after="not job.status_written",
    ),
    Mutant(
        name="edit-drops-slots",
        file="plan/acceptance.py",
        what="slots of the old schedule that were due are not counted",
        before="        _settle_old_slots(plan, SkipReason.NOT_READY if broken else SkipReason.EDITED)\n",
        after="",
    ),
    Mutant(
        name="mark-ahead-stays",
        file="plan/ahead.py",
        what="a mark that is ahead of the clock silences its job until then",
        before="if mark is not None and is_ahead(mark, now):",
        after="if False:",
    ),
    Mutant(
        name="fire-what-has-begun",
        file="plan/slots.py",
        what="a slot that ran by a clock that was ahead is decided anew",
        before="if has_begun(plan, scheduled(slot)):",
        after="if False:",
        tests=("test_ahead.py",),
    ),
    Mutant(
        name="foreign-jobs-count",
        file="plan/read.py",
        what="a Job under another name than its cause gives decides about slots",
        before="return run.name == cause.job_name(uid=run.owner, name=run.owner_name)",
        after="return True",
        tests=("test_ahead.py",),
    ),
)
