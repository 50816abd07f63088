"""Mistakes in the source of the programs, each as a replacement of text in `catalog.diff`. All have to be found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path("operator/dkron_operator")
UNIT = {
    "operator": Path("tests/unit/operator_side"),
    "api": Path("tests/unit/api_side"),
    "cli": Path("tests/unit/cli"),
}
"""The unit tests of each program, by the folder of its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`before` stands exactly once in `file`, and becomes `after`. The file is below the package of the operator, or
    begins with the folder of another program. `what` is the mistake that this makes; `tests` are unit tests that look
    at it, beside the file's own."""

    name: str
    file: str
    what: str
    before: str
    after: str
    tests: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file, from the root of the repository."""
        return Path(self.file) if self.file.split("/")[0] in UNIT else PACKAGE / self.file

    @property
    def program(self) -> str:
        """The folder of the program's source."""
        return self.path.parts[0]

    @property
    def unit_tests(self) -> list[Path]:
        """The tests that look at it, those that most likely find it first."""
        of_file = TESTS[self.file] if self.file in TESTS else TESTS[str(Path(self.file).parent)]
        return [UNIT[self.program] / name for name in dict.fromkeys((*self.tests, *of_file))]

    @property
    def is_simulated(self) -> bool:
        """Whether the simulation runs its code: its seeds have no DkronBackfills, no Kueue and no receiver that is
        slow, and no user edits `status.active`."""
        return self.program == "operator" and not self.file.startswith(
            (
                "backfill/",
                "delivery/",
                "notifications/",
                "plan/steps/edited_active.py",
                "plan/steps/kueue.py",
                "act/delete_job.py",
            )
        )  # fmt: skip


class Outdated(Exception):
    """A mutant whose text does not stand in the source exactly once any more."""


def mutated(mutant: Mutant, source: str) -> str:
    """The source with the mistake. Raises `Outdated`."""
    found = source.count(mutant.before)
    if found != 1:
        raise Outdated(
            f"mutant {mutant.name}: its text stands {found} times in {mutant.path}, and has to stand there once; "
            f"bring tests/mutants/catalog.diff up to date:\n{mutant.before}"
        )
    return source.replace(mutant.before, mutant.after)


TESTS: dict[str, tuple[str, ...]] = {
    "plan/steps/acceptance.py": ("test_accept.py",),
    "plan/steps/clock_ahead.py": ("test_ahead.py",),
    "plan/status/mark.py": ("test_ahead.py", "test_fold.py"),
    "plan/situation/read.py": ("test_read.py", "test_store.py"),
    "plan/steps/requested_runs.py": ("test_requests.py", "test_requested_runs.py"),
    "plan/situation/requested_runs.py": ("test_requested_runs.py",),
    "act/create.py": ("test_create.py",),
    "plan/steps/dependents.py": ("test_chain.py",),
    "act/requested_runs.py": ("test_requested_runs.py",),
    "plan/steps/cleanup.py": ("test_tidy.py", "test_requested_runs.py"),
    "plan/status/requested_runs.py": ("test_requested_runs.py",),
    "backfill/advance.py": ("test_backfill.py",),
    "backfill/controller.py": ("test_backfill.py",),
    "plan/steps/slots.py": ("test_slots.py", "test_reconcile.py", "test_pauses.py"),
    "plan/status/deferred.py": ("test_two_writers.py",),
    "plan/status/changes.py": ("test_two_writers.py", "test_fold.py"),
    "plan/steps/deferred.py": ("test_deferred_slots.py",),
    "plan/steps/line.py": ("test_line_decisions.py", "test_line.py"),
    "plan/situation/pools.py": ("test_pools.py", "test_pool_places.py"),
    "plan/status/holders.py": ("test_pool_places.py",),
    "pools/places.py": ("test_pool_places.py",),
    "plan/status/line.py": ("test_line.py",),
    "plan/plan.py": ("test_line.py",),
    "plan/steps/pauses.py": ("test_pauses.py",),
    "plan/steps/edited_active.py": ("test_edited_active.py",),
    "plan/steps/attempts.py": ("test_attempts.py", "test_stops.py"),
    "plan/steps/retries.py": ("test_attempts.py",),
    "plan/steps/replacing.py": ("test_attempts.py",),
    "plan/steps/kueue.py": ("test_kueue.py", "test_kueue_edges.py"),
    "act/delete_job.py": ("test_kueue_edges.py", "test_reconcile.py"),
    "plan/status/fold.py": ("test_fold.py", "test_facts.py", "test_attempts.py"),
    "cache/cached_job.py": ("test_two_writers.py", "test_store.py"),
    "cache/circles.py": ("test_dependencies.py",),
    "cache/store.py": ("test_store.py", "test_verify.py", "test_standby.py", "test_reconcile.py"),
    "leader/lease.py": ("test_lease.py", "test_leader.py", "test_standby.py"),
    "act/status_writer.py": ("test_status_writer.py", "test_reconcile.py", "test_standby.py"),
    "act/quota_line.py": ("test_quota.py",),
    "plan/steps/quota.py": ("test_quota.py",),
    "act/effects.py": ("test_reconcile.py", "test_two_writers.py", "test_standby.py"),
    "plan/situation/cause.py": ("test_cause.py",),
    "plan/advance.py": ("test_stops.py",),
    "plan/steps/parents.py": ("test_chain.py", "test_chain_edges.py"),
    "reconcile/verify.py": ("test_verify.py",),
    "watch/resync.py": ("test_resync.py",),
    "reconcile/reconciler.py": ("test_reconcile.py", "test_standby.py", "test_verify.py", "test_tidy.py"),
    "delivery/message_queue.py": ("test_message_queue.py", "test_outbox.py"),
    "delivery/delivery_events.py": ("test_delivery.py",),
    "notifications/notices.py": ("test_notices.py",),
    "handover.py": ("test_archiver.py",),
    "archive/archiver.py": ("test_archiver.py",),
    "api/dkron_api/auth": (
        "test_auth_policies.py", "test_auth_kubernetes.py", "test_auth_oidc.py", "test_auth_tokens.py",
        "test_auth_routes.py", "test_auth_paths.py", "test_whoami.py", "test_events.py", "test_log.py",
        "test_places.py",
    ),
    "api/dkron_api/edge/unsent.py": ("test_unsent.py",),
    "api/dkron_api/edge": (
        "test_places.py", "test_give_way.py", "test_addresses.py", "test_hosts.py", "test_edge.py",
        "test_edge_answers.py", "test_bodies.py", "test_auth_routes.py", "test_auth_paths.py",
        "test_tenants.py", "test_connection.py", "test_writes.py",
    ),
    "api/dkron_api/jobs": ("test_writes.py", "test_restoring_edge.py", "test_restoring.py", "test_run_routes.py"),
    "api/dkron_api/routes": ("test_restoring_edge.py", "test_auth_paths.py", "test_auth_routes.py"),
    "api/dkron_api/tenants": ("test_tenants.py", "test_events.py", "test_event_log.py"),
    "api/dkron_api/translate": (
        "test_listing.py", "test_execution.py", "test_execution_lists.py", "test_archived_executions.py",
        "test_job.py", "test_status.py", "test_run_line.py", "test_queue_places.py", "test_run_routes.py",
    ),
    "cli/dkron_cli/core": (
        "test_selection.py", "test_moments.py", "test_repeat.py", "test_tables.py", "test_history.py",
        "test_past_by_rest.py", "test_calls.py", "test_rest.py", "test_golden.py",
    ),
    "cli/dkron_cli/commands": (
        "test_calls.py", "test_lint.py", "test_golden.py", "test_repeat.py", "test_rest.py", "test_progress.py",
        "test_nouns.py", "test_selection.py",
    ),
}  # fmt: skip
"""The unit tests that look at each file or folder, those that most likely find a mistake first."""


def _read(catalog: str) -> Iterator[Mutant]:
    """`# file`, then for each mutant: `name: what (tests)`, the lines that it removes, and those that it adds."""
    file = ""
    for block in re.split(r"\n{2,}", catalog.strip()):
        if block.startswith("# "):
            file = block.removeprefix("# ")
            continue
        head, *changes = block.splitlines()
        said = re.fullmatch(r"([a-z-]+): (.+?)(?: \((test_.+)\))?", head)
        assert said, head
        name, what, tests = said.groups()
        before, after = ("\n".join(line[1:] for line in changes if line[0] == sign) for sign in "-+")
        yield Mutant(
            name=name, file=file, what=what, before=before, after=after, tests=tuple(tests.split(", ") if tests else ())
        )


MUTANTS = tuple(_read(Path(__file__).with_name("catalog.diff").read_text("utf-8")))
