"""Dkron behaviour §1.4: filters of GET /v1/jobs, and parts of the list."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Is, Length, Raw
from tests.conformance.rest.lists import C_A_B, named, three, with_status
from tests.conformance.rest.row import Row, get, posted, row

ENDED = with_status(
    {"-bad": {"status": "failed"}, "-good": {"status": "success"}, "-mixed": {"status": "partially_failed"}, "-new": {}}
)

TAGGED = (
    posted("$job-a", metadata={"team": "x", "tier": "1"}),
    posted("$job-b", metadata={"team": "x", "tier": "2"}),
    posted("$job-c", metadata={"team": "X & y=z", "tier": "1"}),
    posted("$job-d"),
)

SWITCHED = three("disabled", {"-off": True, "-on": False})
FIVE = three("owner", {"-a": "", "-b": "", "-c": "", "-d": "", "-e": ""})
FILTERS = (
    row(
        "q finds a part of the name",
        get("/v1/jobs?q=$job-mi", named("-middle"), headers={"X-Total-Count": "1"}),
        given=(posted("$job-middle"), posted("$job-other")),
    ),
    row(
        "q finds a part of the displayname",
        get("/v1/jobs?q=Title+of+$job", named("")),
        given=posted(displayname="The Title of $job!"),
    ),
    row(
        "q distinguishes upper from lower case",
        get("/v1/jobs?q=title+of+$job", Raw("[]")),
        given=posted(displayname="The Title of $job!"),
    ),
    row(
        "q does not look into other fields",
        get("/v1/jobs?q=owned-by-$job", Raw("[]")),
        given=posted(owner="owned-by-$job"),
    ),
    row("an empty q filters nothing", get("/v1/jobs?q=", Length(1, or_more=True)), given=posted()),
    row(
        "metadata[key]=value finds jobs that have it",
        get("/v1/jobs?q=$job&metadata[team]=x", named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "the brackets of metadata may be encoded",
        get("/v1/jobs?q=$job&metadata%5Bteam%5D=x", named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "several metadata must all match",
        get("/v1/jobs?q=$job&metadata[team]=x&metadata[tier]=2", named("-b")),
        given=TAGGED,
    ),
    row(
        "metadata values may hold any character",
        get("/v1/jobs?q=$job&metadata[team]=X%20%26%20y%3Dz", named("-c")),
        given=TAGGED,
    ),
    row("metadata must match exactly", get("/v1/jobs?q=$job&metadata[team]=X", Raw("[]")), given=TAGGED),
    row(
        "metadata that no job has finds nothing",
        get("/v1/jobs?q=$job&metadata[missing]=x", Raw("[]"), headers={"X-Total-Count": "0"}),
        given=TAGGED,
    ),
    row("metadata without a key is ignored", get("/v1/jobs?q=$job&metadata=team", Length(4)), given=TAGGED),
    *(
        row(
            f"status={status} finds them",
            get(f"/v1/jobs?q=$job&status={status}", named(suffix), headers={"X-Total-Count": "1"}),
            given=ENDED,
        )
        for status, suffix in (
            ("success", "-good"),
            ("failed", "-bad"),
            ("partially_failed", "-mixed"),
            ("untriggered", "-new"),
        )
    ),
    row("an unknown status finds nothing", get("/v1/jobs?q=$job&status=running", Raw("[]")), given=ENDED),
    row("an empty status filters nothing", get("/v1/jobs?q=$job&status=", Length(4)), given=ENDED),
    row(
        "disabled=true finds disabled jobs",
        get("/v1/jobs?q=$job&disabled=true", named("-off"), headers={"X-Total-Count": "1"}),
        given=SWITCHED,
    ),
    row("disabled=false finds enabled jobs", get("/v1/jobs?q=$job&disabled=false", named("-on")), given=SWITCHED),
    *(
        row(f"disabled={text} finds nothing", get(f"/v1/jobs?q=$job&disabled={text}", Raw("[]")), given=SWITCHED)
        for text in ("1", "True", "nonsense")
    ),
    row(
        "filters work together",
        get("/v1/jobs?q=$job&status=untriggered&disabled=false&metadata[a]=b", named("-yes")),
        given=(posted("$job-yes", metadata={"a": "b"}), posted("$job-no", metadata={"a": "b"}, disabled=True)),
    ),
    row("id is ignored, though the UI sends it", get("/v1/jobs?q=$job&id=$job-a&id=$job-b", Length(3)), given=C_A_B),
)

ALL = ("-a", "-b", "-c", "-d", "-e")
COUNT = {"X-Total-Count": "5"}
SLICES = tuple(
    row(
        says,
        get(f"/v1/jobs?q=$job&{query}", named(*wanted) if wanted else Raw("[]"), headers=COUNT),
        given=FIVE,
        differs=differs,
    )
    for says, query, wanted, differs in (
        ("_start and _end cut out a part and the count stays that of all", "_start=1&_end=3", ("-b", "-c"), None),
        ("_start alone cuts off the beginning", "_start=3", ("-d", "-e"), None),
        ("_end alone cuts off the end", "_end=2", ("-a", "-b"), None),
        ("_end beyond the end is the end", "_start=3&_end=100", ("-d", "-e"), None),
        ("_start and _end that are equal cut out nothing", "_start=2&_end=2", (), None),
        ("a part is cut out of the sorted list", "_start=0&_end=2&_order=DESC", ("-e", "-d"), None),
        ("a _start that is no number is 0", "_start=abc&_end=2", ("-a", "-b"), None),
        ("an _end that is no number is 0", "_end=xyz", (), None),
        ("a _start beyond the end gives an empty list", "_start=9&_end=12", (), differences.SLICES),
        ("a _start after the _end gives an empty list", "_start=3&_end=1", (), differences.SLICES),
        ("a negative _start is 0", "_start=-2&_end=2", ("-a", "-b"), differences.SLICES),
        ("a negative _end gives an empty list", "_end=-1", (), differences.SLICES),
        ("a _start beyond the end without an _end gives an empty list", "_start=5", (), None),
    )
)

UI = (
    row(
        "the list that the UI asks for is the first page",
        get("/v1/jobs?_end=10&_order=ASC&_sort=id&_start=0&q=$job", named(*ALL), headers=COUNT),
        given=FIVE,
    ),
    row("pretty lists are lists", get("/v1/jobs?q=$job&_end=0&pretty", Is([])), given=FIVE),
)

ROWS: tuple[Row, ...] = (*FILTERS, *SLICES, *UI)
