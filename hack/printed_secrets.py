"""Finds secrets of the tests in what was printed. Pure.

A test writes `MARK` into each value of a Secret and each password that it makes, so that these are found wherever they
go. Tokens are found by their form.
"""

import re
from base64 import b64encode

MARK = "s3cr3t"


def _encoded(mark: bytes) -> list[str]:
    """The characters that the mark makes in base64, wherever it begins."""
    return [b64encode(bytes(skipped) + mark).decode()[-(-skipped * 8 // 6) :].rstrip("=")[:-1] for skipped in range(3)]


FORMS = (
    MARK,
    *map(re.escape, _encoded(MARK.encode())),
    # What `dkron-api token` makes, and not the name of a metric.
    r"\bdkron_(?=[\w-]*[A-Z])[\w-]{43}(?![\w-])",
    # A JSON Web Token, as service accounts have them.
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
)
SECRET = re.compile("|".join(FORMS))


def lines_with_secrets(text: str) -> list[str]:
    """The lines that hold one; in each `***` replaces it."""
    return [SECRET.sub("***", line) for line in text.splitlines() if SECRET.search(line)]
