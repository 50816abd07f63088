"""Dkron behaviour §1.12: the policies of the OpenAPI, which Dkron serves in its paid edition only."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Is, Raw, both
from tests.conformance.rest.row import Row, delete, get, post, row

RULES = '{"path":{"/v1/jobs":{"capabilities":["list"]}}}'
POLICY = {"Name": "$job", "Rules": RULES}
SAVE = post("/v1/acl/policies/$job", 202, Is(POLICY), sent=POLICY)

ROWS: tuple[Row, ...] = (
    row(
        "a policy is stored under its name",
        SAVE,
        get(
            "/v1/acl/policies/$job",
            both(
                Is(POLICY),
                Raw('{"Name":"$job","Rules":"{\\"path\\":{\\"/v1/jobs\\":{\\"capabilities\\":[\\"list\\"]}}}"}'),
            ),
        ),
        differs=differences.POLICIES,
    ),
    row(
        "a policy can be replaced",
        SAVE,
        post("/v1/acl/policies/$job", 202, sent={"Name": "$job", "Rules": '{"path":{}}'}),
        get("/v1/acl/policies/$job", {"Rules": '{"path":{}}'}),
        differs=differences.POLICIES,
    ),
    row(
        "a policy that is deleted is gone",
        SAVE,
        delete("/v1/acl/policies/$job", Is(POLICY)),
        get("/v1/acl/policies/$job", status=404),
        delete("/v1/acl/policies/$job", status=404),
        differs=differences.POLICIES,
    ),
    row(
        "a policy whose rules are no JSON is refused",
        post("/v1/acl/policies/$job", 400, sent={"Name": "$job", "Rules": "path {}"}),
        get("/v1/acl/policies/$job", status=404),
        differs=differences.POLICIES,
    ),
    row(
        "a policy can be asked for where none is",
        get("/v1/acl/policies/$job", status=404),
        differs=differences.POLICIES,
    ),
    row("policies are not listed", get("/v1/acl/policies", Raw("404 page not found"), status=404)),
)
