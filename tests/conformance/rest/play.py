"""Play a row: put in place what it needs, ask what it asks, and compare."""

import json
from datetime import UTC, datetime
from typing import Any

from dkron_kube.paths import DKRON_JOBS
from tests.conformance.rest.answers import header_complaint
from tests.conformance.rest.arrange import arrange
from tests.conformance.rest.row import Row, Step, Upload
from tests.conformance.rest.words import Words, words_of
from tests.support import waiting
from tests.support.api_sites import ApiSite
from tests.support.rest import Answer

EVENTUALLY_SECONDS = 30.0
BOUNDARY = "-the-boundary-of-the-form-"


def play(row: Row, site: ApiSite) -> None:
    """Fails with the request, the answer and what is wrong with it."""
    words = words_of(row.says, datetime.now(UTC))
    arrange(row, site, words)
    for step in row.steps:
        _take(step, site, words)


def remove_jobs(row: Row, site: ApiSite) -> None:
    """Delete the jobs of a row that has been played, where they would go on to run."""
    name = words_of(row.says, datetime.now(UTC)).job
    for job in site.kube.all(DKRON_JOBS):
        if job["metadata"]["name"].startswith(name):
            site.kube.delete(DKRON_JOBS, job["metadata"]["name"])


def complaint_of(step: Step, answer: Answer, words: Words) -> str:
    """The fault of an answer; "" if it has none."""
    if answer.status != step.status:
        return f"the status should be {step.status}, it is {answer.status}"
    for name, wanted in step.all_headers.items():
        if complaint := header_complaint(answer, name, wanted, words):
            return complaint
    return step.whole_body.complaint(answer, words) if step.whole_body else ""


def _take(step: Step, site: ApiSite, words: Words) -> None:
    def asked() -> tuple[Answer, str]:
        answer = _ask(step, site, words)
        return answer, complaint_of(step, answer, words)

    def shown(seen: tuple[Answer, str]) -> str:
        answer, complaint = seen
        return f"{complaint}\n> {step.method} {words.in_(step.path)}\n> {words.in_(step.sent)}\n\n{answer}"

    if step.eventually:
        what = f"the answer of {step.method} {step.path}"
        waiting.wait_for(
            what, asked, lambda seen: not seen[1], seconds=EVENTUALLY_SECONDS, shown=shown, guard=site.api.check
        )
        return
    seen = asked()
    assert not seen[1], shown(seen)


def _ask(step: Step, site: ApiSite, words: Words) -> Answer:
    headers = {key: str(words.in_(value)) for key, value in step.sent_headers.items()}
    body = words.in_(step.sent)
    if isinstance(step.sent, Upload):
        body = _form(step.sent, words)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    return site.rest.request(step.method, str(words.in_(step.path)), body, headers=headers)


def _form(upload: Upload, words: Words) -> bytes:
    content: Any = words.in_(upload.content)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    lines = (
        f"--{BOUNDARY}",
        f'Content-Disposition: form-data; name="{upload.name}"; filename="backup.json"',
        "Content-Type: application/json",
        "",
        text,
        f"--{BOUNDARY}--",
        "",
    )
    return "\r\n".join(lines).encode()
