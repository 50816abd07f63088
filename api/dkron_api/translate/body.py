"""The body of an upsert, and the echo of it in the response."""

from collections.abc import Mapping
from typing import Any

from dkron_api.translate.gojson import decode
from dkron_from_dkron.body import FIELDS, JobBody, read_object
from dkron_from_dkron.moments import ZERO

_ECHOED = tuple(name for name in FIELDS if name != "problem")


def read_body(data: bytes) -> JobBody:
    """Return the job in the body of an upsert. Raises Unreadable where Dkron answers 400 before it checks the job."""
    return read_object(decode(data))


def echo(body: JobBody) -> dict[str, Any]:
    """Return the response to an upsert: the request as understood, in the order of Dkron behaviour §2.1."""
    values = {name: getattr(body, name) for name in _ECHOED}
    in_order = {name: _by_key(value) for name, value in values.items() if isinstance(value, Mapping)}
    return {**values, **in_order, "id": body.name, "next": ZERO}


def _by_key(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map in Go's order, including inner maps."""
    return {key: _by_key(texts[key]) if isinstance(texts[key], Mapping) else texts[key] for key in sorted(texts)}
