"""Content negotiation for compressed responses (RFC 9110 §12.5.3). Pure."""

import re

_CODING = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.IGNORECASE | re.ASCII)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the header accepts gzip with a weight above zero."""
    if not accept_encoding:
        return False
    weights: dict[str, bool] = {}
    for part in accept_encoding.split(","):
        found = _CODING.fullmatch(part)
        if found is not None:
            weights[found[1].lower()] = found[2] is None or found[2].strip("0.") != ""
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))
