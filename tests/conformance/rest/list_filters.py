"""Dkron behaviour §1.4: filters of GET /v1/jobs, and parts of the list."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Is, Length, Raw
from tests.conformance.rest.lists import C_A_B, named, three, with_status
from tests.conformance.rest.row import Posted, Row, get, row

ENDED = with_status(
    {
        "-bad": {"status": "failed"},
        "-good": {"status": "success"},
        "-mixed": {"status": "partially_failed"},
        "-new": {},
    }
)

TAGGED = (
    Posted("$job-a", {"metadata": {"team": "x", "tier": "1"}}),
    Posted("$job-b", {"metadata": {"team": "x", "tier": "2"}}),
    Posted("$job-c", {"metadata": {"team": "X & y=z", "tier": "1"}}),
    Posted("$job-d"),
)

SWITCHED = three("disabled", {"-off": True, "-on": False})
FIVE = three("owner", {"-a": "", "-b": "", "-c": "", "-d": "", "-e": ""})
FILTERS = (
    row(
        "q finds a part of the name",
        "§1.4",
        get("/v1/jobs?q=$job-mi", 200, named("-middle"), headers={"X-Total-Count": "1"}),
        given=(Posted("$job-middle"), Posted("$job-other")),
    ),
    row(
        "q finds a part of the displayname",
        "§1.4",
        get("/v1/jobs?q=Title+of+$job", 200, named("")),
        given=(Posted("$job", {"displayname": "The Title of $job!"}),),
    ),
    row(
        "q distinguishes upper from lower case",
        "§1.4",
        get("/v1/jobs?q=title+of+$job", 200, Raw("[]")),
        given=(Posted("$job", {"displayname": "The Title of $job!"}),),
    ),
    row(
        "q does not look into other fields",
        "§1.4",
        get("/v1/jobs?q=owned-by-$job", 200, Raw("[]")),
        given=(Posted("$job", {"owner": "owned-by-$job"}),),
    ),
    row(
        "an empty q filters nothing", "§1.4", get("/v1/jobs?q=", 200, Length(1, or_more=True)), given=(Posted("$job"),)
    ),
    row(
        "metadata[key]=value finds jobs that have it",
        "§1.4, §1.12",
        get("/v1/jobs?q=$job&metadata[team]=x", 200, named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "the brackets of metadata may be encoded",
        "§1.4",
        get("/v1/jobs?q=$job&metadata%5Bteam%5D=x", 200, named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "several metadata must all match",
        "§1.4",
        get("/v1/jobs?q=$job&metadata[team]=x&metadata[tier]=2", 200, named("-b")),
        given=TAGGED,
    ),
    row(
        "metadata values may hold any character",
        "§1.4",
        get("/v1/jobs?q=$job&metadata[team]=X%20%26%20y%3Dz", 200, named("-c")),
        given=TAGGED,
    ),
    row("metadata must match exactly", "§1.4", get("/v1/jobs?q=$job&metadata[team]=X", 200, Raw("[]")), given=TAGGED),
    row(
        "metadata that no job has finds nothing",
        "§1.4",
        get("/v1/jobs?q=$job&metadata[missing]=x", 200, Raw("[]"), headers={"X-Total-Count": "0"}),
        given=TAGGED,
    ),
    row(
        "metadata without a key is ignored",
        "§1.4, §1.12",
        get("/v1/jobs?q=$job&metadata=team", 200, Length(4)),
        given=TAGGED,
    ),
    *(
        row(
            f"status={status} finds them",
            "§1.4, §2.6",
            get(f"/v1/jobs?q=$job&status={status}", 200, named(suffix), headers={"X-Total-Count": "1"}),
            given=ENDED,
        )
        for status, suffix in (
            ("success", "-good"),
            ("failed", "-bad"),
            ("partially_failed", "-mixed"),
            ("untriggered", "-new"),
        )
    ),
    row("an unknown status finds nothing", "§1.4", get("/v1/jobs?q=$job&status=running", 200, Raw("[]")), given=ENDED),
    row("an empty status filters nothing", "§1.4", get("/v1/jobs?q=$job&status=", 200, Length(4)), given=ENDED),
    row(
        "disabled=true finds disabled jobs",
        "§1.4",
        get("/v1/jobs?q=$job&disabled=true", 200, named("-off"), headers={"X-Total-Count": "1"}),
        given=SWITCHED,
    ),
    row(
        "disabled=false finds enabled jobs",
        "§1.4",
        get("/v1/jobs?q=$job&disabled=false", 200, named("-on")),
        given=SWITCHED,
    ),
    *(
        row(
            f"disabled={text} finds nothing",
            "§1.4",
            get(f"/v1/jobs?q=$job&disabled={text}", 200, Raw("[]")),
            given=SWITCHED,
        )
        for text in ("1", "True", "nonsense")
    ),
    row(
        "filters work together",
        "§1.4",
        get("/v1/jobs?q=$job&status=untriggered&disabled=false&metadata[a]=b", 200, named("-yes")),
        given=(
            Posted("$job-yes", {"metadata": {"a": "b"}}),
            Posted("$job-no", {"metadata": {"a": "b"}, "disabled": True}),
        ),
    ),
    row(
        "id is ignored, though the UI sends it",
        "§1.4, §10.3",
        get("/v1/jobs?q=$job&id=$job-a&id=$job-b", 200, Length(3)),
        given=C_A_B,
    ),
)

ALL = ("-a", "-b", "-c", "-d", "-e")
COUNT = {"X-Total-Count": "5"}
SLICES = tuple(
    row(
        says,
        "§1.4",
        get(f"/v1/jobs?q=$job&{query}", 200, named(*wanted) if wanted else Raw("[]"), headers=COUNT),
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
        "§1.4, §10.3",
        get("/v1/jobs?_end=10&_order=ASC&_sort=id&_start=0&q=$job", 200, named(*ALL), headers=COUNT),
        given=FIVE,
    ),
    row("pretty lists are lists", "§1.4", get("/v1/jobs?q=$job&_end=0&pretty", 200, Is([])), given=FIVE),
)

ROWS: tuple[Row, ...] = (*FILTERS, *SLICES, *UI)
