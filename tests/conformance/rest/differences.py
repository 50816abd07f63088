"""Where this project does not do what Dkron 4.1 does, and why. Rows refer to these; the documentation prints them."""

from tests.conformance.rest.row import Difference

REASONS = Difference(
    "error bodies",
    "empty, except when a job is created or updated",
    "each has its reason as text/plain, or as application/problem+json (RFC 9457) for clients that accept it",
    "a status code does not say what to fix",
)

GZIP = Difference(
    "gzip",
    "never",
    "JSON over 1 KB for clients that accept it; never /metrics",
    "long lists are ten times smaller; a client that does not ask for gzip sees no change",
)

CORS = Difference(
    "CORS",
    "any page may read answers, but a preflight request gets 404",
    "off; with configured origins those pages may do everything, preflight requests included",
    "the installer decides which pages may use the API",
)

RUN = Difference(
    "run a job",
    "waits for all of it, then 200 with the job as it was before",
    "202 at once; with `?wait=true`, `Prefer: wait` or the option `--run-waits` it waits for the run with its retries "
    "and for all that runs after it, then 200 with the job as it is then",
    "the OpenAPI says 202, and a request should not last as long as a job",
)

UNKNOWN_SETTINGS = Difference(
    "unknown keys of an executor, unknown processors and unknown keys of these",
    "ignored silently",
    "ignored, and listed in the header `Warning`, an Event and the condition `Ready`; refused with `--strict`",
    "a job that ran in Dkron runs here, and a misspelt key is noticed",
)

CANNOT_RUN = Difference(
    "a job that cannot run: an unknown executor, a missing setting, or an invalid value",
    "runs, and each execution fails with the reason as its output",
    "does not run; while it is enabled, it has one failed execution with the reason as its output, which counts in "
    "`error_count` and `last_error` until the job can run; its `status` is `failed`, and a field `problem`, which no "
    "other job has, says why; a run is 409",
    "a pod that cannot start costs resources of a node and says no more",
)

OUTPUT_KEPT = Difference(
    "output of an execution",
    "the last 256,000 bytes, while the execution is kept",
    "the same for one execution while its pod exists; in lists, and afterwards, the last `history.outputBytes` "
    "(1,024), with `output_truncated`",
    "Kubernetes keeps the whole log; etcd is too small for it",
)

DEPENDENT_ORDER = Difference(
    "order of `dependent_jobs`",
    "the order in which the jobs became dependent",
    "the order of their creation, by name within a second",
    "the order follows from the jobs themselves, so every replica shows the same; a restore creates them again",
)

RUN_BUSY = Difference(
    "run a job that forbids concurrency and is busy",
    "runs beside the other run",
    "409 unless `?force=true`",
    "`forbid` is for jobs that must not run twice at once, also not on request",
)

CLEAR_MISSING = Difference(
    "delete the executions of a missing job",
    "500",
    "404",
    "the OpenAPI says 404, and nothing is wrong with the server",
)

CLEAR_NEIGHBOUR = Difference(
    "delete a job or its executions",
    "executions of jobs whose names begin with its name go, too",
    "only its own go",
    "a deletion must not remove the history of another job",
)

SLICES = Difference(
    "`_start` or `_end` out of range",
    "500",
    "clamped, so the list is shorter or empty",
    "a request for a page that does not exist is not a server error",
)

UNKNOWN_SORT = Difference(
    "unknown `_sort`",
    "500; an empty list of executions; blank jobs for `_sort=` and `_sort=started_at`",
    "as without it: jobs by name, executions by start",
    "a list in another order is better than an error",
)

ORDER = Difference(
    "`_order`",
    "only the exact texts `DESC` and, for executions, `ASC` count",
    "any case",
    "`desc` has only one possible meaning",
)

FORGED = Difference(
    "counters, `status`, `last_*`, `next` and `dependent_jobs` in an upsert",
    "taken if they are higher, later or new",
    "ignored; the answer still echoes them",
    "only runs write history; only a restore of a job that does not exist yet may bring its own",
)

PUT_NAME = Difference(
    "PUT /v1/jobs/{job} with another name in the body",
    "the path is ignored",
    "400",
    "it would write another job than the one in the path",
)

DELETE_PARENT = Difference(
    "delete a job on which others depend",
    "404",
    "409 that names them",
    "the job exists; its children prevent the deletion",
)

CYCLE = Difference(
    "parents in a circle",
    "accepted, and the jobs start one another forever",
    "400",
    "such jobs would never stop",
)

EPHEMERAL_PARENT = Difference(
    "an ephemeral job on which others depend",
    "stays after its success, since a parent cannot be deleted",
    "is deleted after its success, once their runs have started",
    "that is what `ephemeral` means; its dependents then report a missing parent",
)

RESTORE_PARENT = Difference(
    "restore a child whose parent is not in the file",
    "400",
    "accepted if the parent already exists",
    "every job still has its parent",
)

LOCATION = Difference(
    "`Location` of a created or updated job",
    "the request URI with its query, then the name: wrong for a PUT and with `?runoncreate`",
    "the job: `/v1/jobs/NAME`",
    "a client that follows it gets the job",
)

RESTORE_HISTORY = Difference(
    "impossible counters, states and times in a restored file",
    "taken as they are",
    "400: counters are from 0 to 9007199254740991, times since 1970, states those that Dkron gives",
    "a counter at its limit could not be incremented, and every client must be able to read it",
)

RESTORE_TWICE = Difference(
    "`dependent_jobs` in a restored file",
    "doubled, and children run twice",
    "derived from the children, so never doubled",
    "a backup must not change what runs",
)

RESTORE_RESULT = Difference(
    "answer of a restore",
    "a JSON string that holds a JSON array",
    "a JSON array of strings; with `Accept: application/vnd.dkron.v4+json` Dkron's string",
    "the OpenAPI says a list of strings",
)

RESTORE_FAILURE = Difference(
    "a job that a restore could not store",
    "`fail create NAME`, and nothing about its children",
    "`fail create NAME: why`, for its children as well",
    "the user must know which jobs are missing, and why",
)

PAUSE = Difference(
    "pause",
    "only on the requested node, in memory",
    "for the whole installation, stored in the DkronCluster, so it survives restarts",
    "a pause that only some replicas know does not stop submissions",
)

NEXT_ZONE = Difference(
    "`next`",
    "the job's time zone is ignored until the first run, and it never moves back",
    "always computed in the job's time zone, from the current schedule",
    "it says when the job really runs next",
)

NEXT_NEVER = Difference(
    "`next` of jobs that no schedule runs",
    "1970 for a child without a schedule, the schedule's for one with it, an old time for a disabled job",
    "the zero time `0001-01-01T00:00:00Z` for children and disabled jobs, as for all that never run",
    "one value for never is enough, and clients know this one",
)

NEXT_STARTS = Difference(
    "`next` before `starts_at`",
    "`starts_at` itself",
    "the first time of the schedule that is not before `starts_at`",
    "it says when the job really runs next",
)

DESCRIPTORS = Difference(
    "time zone of `@daily` and similar",
    "ignored",
    "honoured",
    "a time zone must apply to all schedules alike",
)

ZERO_TIME = Difference(
    "`finished_at` of a running execution in a job with a time zone",
    "the zero time in that zone, for example `0000-12-31T19:03:58-04:56`",
    "`0001-01-01T00:00:00Z` always",
    "clients compare the text to see whether it runs",
)

RETRIES = Difference(
    "`retries` above 4294967295",
    "taken modulo 2^32",
    "400",
    "the server must not change a number silently",
)

HALF_A_PAIR = Difference(
    "half of a surrogate pair, such as `\\ud800`, in JSON",
    "replaced by U+FFFD",
    "400",
    "the server must not change a text silently",
)

CONCURRENCY = Difference(
    "`concurrency` that a restored file leaves open",
    "reads back as the empty text",
    "reads back as `allow`, as after a POST",
    "that is what it means",
)

REPLACE = Difference(
    "`concurrency: replace`",
    "400, although it is documented",
    "a run deletes the active one first",
    "CronJobs have it, and Dkron's documentation promises it",
)

QUEUE = Difference(
    "`queue` beside `concurrency: forbid`",
    "ignored",
    "runs wait in line instead of being skipped",
    "to wait is asked for more often than to skip; clients that know no queue see `forbid`, and keep it",
)

EXECUTOR = Difference(
    "`executor` that is absent",
    "reads back as the empty text, and the job cannot run",
    "reads back as `shell`",
    "a job without an executor could never run",
)

READ_YOUR_WRITES = Difference(
    "read after write",
    "a follower may not know yet what it has just answered",
    "a client sees its own writes on the replica that it wrote to",
    "scripts create a job and run it at once",
)

MEMBERS = Difference(
    "members, leader and tags",
    "serf agents, and the leader of raft",
    "nodes of Kubernetes with their labels as tags, and with `server`, `role`, `dc` and `region` as Dkron's servers "
    "have them; the leading replica of the operator with these as well; a node that takes no pods is leaving; the "
    "leader holds the Lease",
    "these run the jobs here",
)

NO_LEADER = Difference(
    "no leader",
    "job writes fail with 500",
    "they succeed: Kubernetes stores them, and runs begin when there is a leader again",
    "the API does not need the operator",
)

OLD_EXECUTIONS = Difference(
    "GET /v1/executions/{job}",
    "404 since 1.0",
    "the executions of the job, as before 1.0",
    "some client libraries still ask there",
)

DELETE_RUNNING = Difference(
    "delete a job that is running",
    "its processes run to their end, and are shown as busy",
    "its Kubernetes Jobs are deleted with it",
    "Kubernetes deletes the dependents of a deleted object",
)

LOCAL_TIME = Difference(
    "the time zone `Local`, or none",
    "the zone of the server",
    "UTC",
    "a pod has no zone of its own, and replicas must agree",
)

YEARS = Difference(
    "`starts_at` and `expires_at` outside the years 1970 to 9999",
    "taken",
    "422, as the custom resource refuses it",
    "Kubernetes compares times only in these years",
)

POLICIES = Difference(
    "/v1/acl/policies",
    "404 in the open-source edition, which has no tokens",
    "served; with `--auth dkron` they say what client tokens may do, and take a management token",
    "the OpenAPI has them, and a client that writes a job starts pods",
)

BAD_ZONE_PREFIX = Difference(
    "the schedule `TZ=Zone` without fields",
    "500",
    "400",
    "the schedule is wrong, not the server",
)

TOO_LONG = Difference(
    "size limits",
    "none",
    "a body of at most 1 MB, names of at most 8192 characters, and the limits of the custom resource: 413 or 422",
    "etcd keeps objects of 1.5 MB at most",
)

LEAVE = Difference(
    "leave",
    "the node leaves serf and raft, and answers with the peers by region",
    "the replica releases the Lease and does not acquire it until it is restarted; answers with the members; 409 for "
    "the only replica unless `?force=true`",
    "the OpenAPI says an array of members; after the only replica left, no job would run",
)

ERROR_TEXT = Difference(
    "output of a failed execution",
    "the error of the plugin before the output",
    "`exit status N`, or the reason that Kubernetes gives, before the output",
    "the first line of a failure should say what it was",
)

TIME_ORDER = Difference(
    "`expires_at` not after `starts_at`",
    "accepted, and the job never runs",
    "400",
    "it can only be a mistake",
)

ZERO_LIMITS = Difference(
    "`starts_at` and `expires_at` with the zero time",
    "kept as a time of the year 1",
    "mean null",
    "Go clients send it for a field that is not set",
)
