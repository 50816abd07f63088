"""Dkron behaviour §7 and §1.12: the policies of the OpenAPI, which Dkron serves in its paid edition only."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Is, Raw
from tests.conformance.rest.row import Row, delete, get, post, row

PATH = "/v1/acl/policies/$job"
POLICY = {"Name": "$job", "Rules": '{"path":{"/v1/jobs":{"capabilities":["list"]}}}'}
BYTES = '{"Name":"$job","Rules":"{\\"path\\":{\\"/v1/jobs\\":{\\"capabilities\\":[\\"list\\"]}}}"}'

ROWS: tuple[Row, ...] = (
    row(
        "a policy is stored, replaced and deleted by name",
        get(PATH, status=404),
        post(PATH, 202, Is(POLICY), sent=POLICY),
        get(PATH, Raw(BYTES)),
        post(PATH, 202, sent={"Name": "$job", "Rules": '{"path":{}}'}),
        get(PATH, {"Rules": '{"path":{}}'}),
        delete(PATH, Is({"Name": "$job", "Rules": '{"path":{}}'})),
        get(PATH, status=404),
        delete(PATH, status=404),
        differs=differences.POLICIES,
    ),
    row(
        "a policy whose rules are no JSON is refused",
        post(PATH, 400, sent={"Name": "$job", "Rules": "path {}"}),
        get(PATH, status=404),
        differs=differences.POLICIES,
    ),
    row("policies are listed", get("/v1/acl/policies"), differs=differences.POLICIES),
)
