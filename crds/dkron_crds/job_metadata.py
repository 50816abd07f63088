"""Labels and annotations by which a Job names its attempt. They must never change."""

from dkron_crds.traceparent import ANNOTATION

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "dkron-operator"
LABEL_JOB = "dkron.io/job"
LABEL_GROUP = "dkron.io/group"
SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_JOB}"

DKRON_NAME = "dkron.io/name"
EXECUTION = "dkron.io/execution"
SLOT = "dkron.io/slot"
TRIGGER = "dkron.io/trigger"
GROUP = "dkron.io/group"
ATTEMPT = "dkron.io/attempt"
MEMBER = "dkron.io/member"
NODE = "dkron.io/node"
QUEUED_AT = "dkron.io/queued-at"
OF_RUN = "dkron.io/run"
"""The name of the DkronRun that asked for the Job."""
WITH_PARAMETERS = "dkron.io/parameters"
"""That the DkronRun gives values to parameters: `given`."""
CREATED_BY = "dkron.io/installation"
"""The namespace of the installation that created the Job."""

GUARDED = (
    DKRON_NAME, EXECUTION, SLOT, TRIGGER, GROUP, ATTEMPT, MEMBER, NODE, QUEUED_AT, OF_RUN, WITH_PARAMETERS, CREATED_BY,
    ANNOTATION,
)  # fmt: skip
"""The annotations of a Job that the programs read. The chart's admission policy lets only operators write them."""

KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
"""The label that names the LocalQueue of Kueue in which a Job waits."""
