"""Translates ACL policies between the REST API's `{"Name", "Rules"}` and DkronPolicies (Dkron behaviour §7).

Rules is a text that contains JSON. Validation is stricter than Dkron's and rejects everything unknown in a policy,
because its author believes that it protects something.
"""

import json
import re

from pydantic import ValidationError

from dkron_api.translate import gojson
from dkron_api.translate.record import Object
from dkron_crds.base import ObjectMeta
from dkron_crds.policy import Capability, DkronPolicy, PathRule, PolicySpec
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.values import Pairs, Unreadable

LONGEST_NAME = 253
LONGEST_PATH = 1024
LEGAL = tuple(Capability)
CAPABILITIES = ", ".join(LEGAL)
SHAPE = '{"path": {"/v1/jobs": {"capabilities": ["list"]}}}'
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class PolicyError(ValueError):
    """The policy cannot be stored. `str()` is a readable sentence."""


def read_policy(body: bytes, name: str) -> Object:
    """Return the DkronPolicy in a body, under the name in the path. Raises `PolicyError`."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise PolicyError(
            f"the policy name {quoted(name)} cannot be used: use at most {LONGEST_NAME} lower-case letters "
            'a-z, digits, "-" and ".", with a letter or digit at both ends and on both sides of each "."'
        )
    posted = _posted(body)
    said, rules = posted.get("name"), posted.get("rules")
    if said not in (None, "", name):
        raise PolicyError(
            f"the body names the policy {_shown(said)}, but the path names {quoted(name)}; use one name in both"
        )
    if not isinstance(rules, str):
        raise PolicyError(
            f"Rules must be a string that holds JSON, for example {json.dumps(SHAPE)}, not {_shown(rules)}"
        )
    return DkronPolicy(metadata=ObjectMeta(name=name), spec=read_rules(rules)).to_wire()


def show_policy(stored: Object) -> dict[str, str]:
    """Return a DkronPolicy as the REST API shows it. Rules is compact, its paths are sorted."""
    rules = json.dumps(stored["spec"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return {"Name": stored["metadata"]["name"], "Rules": rules}


def read_rules(rules: str) -> PolicySpec:
    """Parse the text of a policy. Raises `PolicyError`."""
    top = _object(_parsed(rules), "Rules", only="path")
    paths = _object(top.get("path"), "'path' in Rules")
    try:
        return PolicySpec(path={_checked(path): _rule(path, rule) for path, rule in paths.items()})
    except ValidationError:
        raise PolicyError(f"Rules has {len(paths)} paths; at most 256 are allowed") from None


def _posted(body: bytes) -> Object:
    """Return the fields of the body with lower-case names, since Go ignores their case."""
    try:
        value = gojson.decode(body)
    except Unreadable as exc:
        raise PolicyError(f"the body cannot be read: {exc.reason}") from None
    if not isinstance(value, Pairs):
        raise PolicyError(f'the body must be a JSON object with "Name" and "Rules", not {_shown(value)}')
    return {key.lower(): item for key, item in value}


def _parsed(rules: str) -> object:
    try:
        value, end = gojson.value_at(rules, gojson.after_space(rules, 0))
    except Unreadable as exc:
        raise PolicyError(f"Rules cannot be read: {exc.reason}") from None
    if gojson.after_space(rules, end) < len(rules):
        raise PolicyError(f"Rules cannot be read: more text follows the JSON, which ends after {end} characters")
    return value


def _rule(path: str, rule: object) -> PathRule:
    where = f"the path {quoted(path)} in Rules"
    listed = _object(rule, where, only="capabilities").get("capabilities")
    if not isinstance(listed, list) or isinstance(listed, Pairs):
        raise PolicyError(f"{where} needs 'capabilities', a list of {CAPABILITIES}, not {_shown(listed)}")
    wrong = [each for each in listed if each not in LEGAL]
    if wrong:
        raise PolicyError(f"{where}: {_shown(wrong[0])} is not a capability; use {CAPABILITIES}")
    # Kubernetes treats the list as a set and rejects duplicates.
    return PathRule(capabilities=tuple(dict.fromkeys(map(Capability, listed))))


def _checked(path: str) -> str:
    if path.startswith("/") and len(path) <= LONGEST_PATH and path.isprintable():
        return path
    raise PolicyError(
        f"the path {quoted(path)} in Rules cannot be used: a path begins with '/', for example /v1/jobs/*, and has at "
        f"most {LONGEST_PATH} characters and no control characters"
    )


def _object(value: object, where: str, *, only: str = "") -> Object:
    """Return the object, with no field other than `only`. Duplicates are rejected: the last would win silently."""
    if not isinstance(value, Pairs):
        raise PolicyError(f"{where} must be an object, as in {SHAPE}, not {_shown(value)}")
    read: Object = {}
    for key, item in value:
        if only and key != only:
            raise PolicyError(f"{where} has the unknown field {quoted(key)}; only {only!r} is allowed")
        if key in read:
            raise PolicyError(f"{where} has {quoted(key)} twice")
        read[key] = item
    return read


def _shown(value: object) -> str:
    match value:
        case None:
            return "null"
        case str():
            return quoted(value)
        case Pairs():
            return "an object"
        case list():
            return "a list"
        case _:
            return json.dumps(value)[:20]
