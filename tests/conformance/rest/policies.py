"""Dkron behaviour §7 and §1.12: the policies of the OpenAPI, which Dkron serves in its paid edition only."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Is, Raw, both
from tests.conformance.rest.row import Row, delete, get, post, row

RULES = '{"path":{"/v1/jobs":{"capabilities":["list"]}}}'
POLICY = {"Name": "$job", "Rules": RULES}
SAVE = post("/v1/acl/policies/$job", 202, Is(POLICY), sent=POLICY)

ROWS: tuple[Row, ...] = (
    row(
        "a policy is stored under its name",
        "§7, §1.12",
        SAVE,
        get(
            "/v1/acl/policies/$job",
            200,
            both(
                Is(POLICY),
                Raw('{"Name":"$job","Rules":"{\\"path\\":{\\"/v1/jobs\\":{\\"capabilities\\":[\\"list\\"]}}}"}'),
            ),
        ),
        differs=differences.POLICIES,
    ),
    row(
        "a policy can be replaced",
        "§7, §1.12",
        SAVE,
        post("/v1/acl/policies/$job", 202, sent={"Name": "$job", "Rules": '{"path":{}}'}),
        get("/v1/acl/policies/$job", 200, Has({"Rules": '{"path":{}}'})),
        differs=differences.POLICIES,
    ),
    row(
        "a policy that is deleted is gone",
        "§7, §1.12",
        SAVE,
        delete("/v1/acl/policies/$job", 200, Is(POLICY)),
        get("/v1/acl/policies/$job", 404),
        delete("/v1/acl/policies/$job", 404),
        differs=differences.POLICIES,
    ),
    row(
        "a policy whose rules are no JSON is refused",
        "§7, §1.12",
        post("/v1/acl/policies/$job", 400, sent={"Name": "$job", "Rules": "path {}"}),
        get("/v1/acl/policies/$job", 404),
        differs=differences.POLICIES,
    ),
    row(
        "a policy can be asked for where none is",
        "§7, §1.12",
        get("/v1/acl/policies/$job", 404),
        differs=differences.POLICIES,
    ),
    row("policies are not listed", "§1.1", get("/v1/acl/policies", 404, Raw("404 page not found"))),
)
