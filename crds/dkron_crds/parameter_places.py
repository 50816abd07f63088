"""Where in `spec.executorConfig` a parameter can stand, and how its value is put there as data: so that it cannot leave
its place, whatever it is. Pure.
"""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from dkron_crds.parameters import ANY_REFERENCE, Parameter, declaration_problem, parameter_problem
from dkron_crds.placeholders import UnfitValue, Values, names_in
from dkron_crds.schedule.errors import quoted
from dkron_crds.spec import JobSpec


class Place(StrEnum):
    """What kind of text a key has, which decides how a value is put into it."""

    WORDS = "words"
    """A command line: it is split first, and each argument gets its values then."""
    VARIABLES = "variables"
    """NAME=value, separated by commas: it is split first, and each value gets its values then."""
    URL = "url"
    """Percent-encoded, after the address of the server."""
    HEADERS = "headers"
    """A JSON array of "Name: value": in the values, without control characters."""
    BODY = "body"
    """Escaped as the content type says, or as JSON if the text is JSON; else as it is."""
    JSON = "json"
    """JSON: escaped inside of strings, a JSON value outside."""


PLACES: Mapping[str, Mapping[str, Place]] = {
    "shell": {"command": Place.WORDS, "env": Place.VARIABLES},
    "docker": {"command": Place.WORDS, "env": Place.VARIABLES},
    "http": {"url": Place.URL, "headers": Place.HEADERS, "body": Place.BODY},
    "grpc": {"headers": Place.HEADERS, "body": Place.JSON},
    "kafka": {"message": Place.BODY},
    "nats": {"message": Place.BODY},
    "rabbitmq": {"message.body": Place.BODY},
    "gcppubsub": {"attributes": Place.JSON},
}
"""The keys in which `{{ name }}` stands for a parameter, by executor."""

_IN_SHELL = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_AUTHORITY = re.compile(r"[^/?#]*://[^/?#{}]*[/?#]")
_FORM = "application/x-www-form-urlencoded"
_CONTENT_TYPE = re.compile(r"content-type:\s*([^;]*)", re.IGNORECASE)
_SHOWN = 5


def filled(spec: JobSpec, values: Values) -> Mapping[str, str]:
    """Return executorConfig with its values, except for command lines and variables, whose executors split them first.
    Raises `UnfitValue`."""
    config, places = spec.executor_config, PLACES.get(spec.executor, {})
    own = {key: text for key, text in config.items() if key in places and values.named(text)}
    for text in own.values():
        values.require_room(text)
    kind = _content_type(config) if own else ""
    return {**config, **{key: _put(places[key], text, values, kind) for key, text in own.items()}}


def placeholder_problem(spec: JobSpec) -> str:
    """Return where `{{ name }}` of a declared parameter cannot stand, as a sentence that names it; empty if nowhere.
    The executors of commands check their arguments themselves."""
    places = PLACES.get(spec.executor, {})
    known = {each.name: each for each in spec.parameters}
    for key, text in spec.executor_config.items():
        for name in names_in(text):
            if name in known and (why := _misplaced(spec, key, places.get(key), known[name])):
                return f"parameter {quoted(name)}: {why}"
    values = Values.sample(spec.parameters)
    return next((why for key in places if (why := _unfit(spec, key, places[key], values))), "")


def parameters_problem(spec: JobSpec) -> str:
    """Return the first fault of a job's parameters and of their places, as a sentence that names the parameter;
    empty if nothing is."""
    return declaration_problem(spec.parameters) or placeholder_problem(spec) if spec.parameters else ""


def run_problem(spec: JobSpec, given: Mapping[str, str]) -> str:
    """Return why a run of the job cannot have these values, as a sentence that names the parameter; empty if it can.
    Beyond `parameter_problem`, it looks at the places where the values stand."""
    if why := parameter_problem(spec.parameters, given):
        return why
    try:
        filled(spec, Values.resolve(spec.parameters, given))
    except UnfitValue as error:
        return str(error)
    return ""


def unknown_placeholders(spec: JobSpec) -> str:
    """Return a remark on `{{ name }}` in the places of parameters where no parameter has the name; empty without one,
    and for a job without parameters."""
    found = _undeclared(spec) if spec.parameters else ""
    return f"{found} is not the name of a parameter, and stays as it is" if found else ""


def placeholders_without_parameters(spec: JobSpec) -> str:
    """Return a remark on `{{ name }}` in the places of parameters of a job that declares none, as a program with
    templates of its own has it; empty without one."""
    found = "" if spec.parameters else _undeclared(spec)
    return f"{found} stays as it is, because spec.parameters declares none" if found else ""


def _undeclared(spec: JobSpec) -> str:
    known = {each.name for each in spec.parameters}
    texts = [spec.executor_config.get(key, "") for key in PLACES.get(spec.executor, {})]
    found = dict.fromkeys(name for text in texts for name in names_in(text) if name not in known)
    return f"{{{{ {' }}, {{ '.join(islice(found, _SHOWN))} }}}}" if found else ""


def _misplaced(spec: JobSpec, key: str, place: Place | None, one: Parameter) -> str:
    stands = f"{{{{ {one.name} }}}}"
    if place is None:
        where = ", ".join(PLACES.get(spec.executor, {}))
        use = f"with {spec.executor}, it can stand in {where}" if where else "use its variable"
        return f"{stands} cannot stand in {key}; {use}"
    if one.secret:
        return f"it is secret, so {stands} cannot stand in {key}; only the variable {one.variable} has its value"
    if place is Place.WORDS and spec.executor_config.get("shell", "") in _IN_SHELL:
        return f'a shell reads the command, so {stands} cannot stand in it; use "${one.variable}", with the quotes'
    return ""


def _unfit(spec: JobSpec, key: str, place: Place, values: Values) -> str:
    """Return why the text of a key takes no values at all. An error beside the parameters is left to the executor."""
    text = spec.executor_config.get(key, "")
    names = values.named(text)
    if not names:
        return ""
    first = f"parameter {quoted(names[0])}: "
    if place is Place.URL:
        ahead = _AUTHORITY.match(text)
        if ahead is None or ahead.end() > values.first(text):
            return f"{first}{key}: it cannot be part of the server's address; use it in the path or the query"
    if place is Place.HEADERS:
        for item in _strings(text):
            if values.named(item.partition(":")[0]):
                return f"{first}{key}: it cannot be part of a header's name; use it in the value"
    is_json = place is Place.JSON or (place is Place.BODY and _is_json_type(_content_type(spec.executor_config)))
    if is_json and not _is_json(values.json(text), containers=False):
        return f"{first}{key}: the text around it is not JSON"
    return ""


def _put(place: Place, text: str, values: Values, kind: str) -> str:
    """Return the text of a key with its values."""
    match place:
        case Place.URL:
            done = _url(text, values)
        case Place.HEADERS:
            done = _headers(text, values)
        case Place.JSON:
            done = values.json(text)
        case Place.BODY:
            done = _body(text, values, kind)
        case _:
            return text
    if ANY_REFERENCE.findall(done) != ANY_REFERENCE.findall(text):
        raise UnfitValue(f"parameter {quoted(values.named(text)[0])}: with its value, the text would name a Secret")
    return done


def _url(text: str, values: Values) -> str:
    path = text[: min((at for at in (text.find("?"), text.find("#")) if at >= 0), default=len(text))]
    for segment in path.split("/"):
        for name in values.named(segment):
            if unquote(values.text(segment, _percent)) in (".", ".."):
                raise UnfitValue(f"parameter {quoted(name)}: its value would change the path of the url")
    return values.text(text, _percent)


def _headers(text: str, values: Values) -> str:
    items = list(_strings(text))
    if not items:
        return text
    return json.dumps([values.one_line(item) for item in items], ensure_ascii=False)


def _body(text: str, values: Values, kind: str) -> str:
    if _is_json_type(kind):
        return values.json(text)
    if kind == _FORM:
        return values.text(text, _percent)
    if kind.endswith(("xml", "html")):
        return values.text(text, lambda value: escape(value, {'"': "&quot;", "'": "&apos;"}))
    samples = Values.sample(tuple(values.declared.values()))
    return values.json(text) if _is_json(samples.json(text), containers=True) else values.text(text)


def _percent(value: str) -> str:
    return quote(value, safe="")


def _strings(text: str) -> Iterator[str]:
    """Yield the strings of a JSON array of strings; nothing if it is anything else, which the executor then reports."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(items, list) and all(isinstance(item, str) for item in items):
        yield from items


def _content_type(config: Mapping[str, str]) -> str:
    """Return the media type that the job says its body has, in lower case; empty if it says none."""
    headers = (_CONTENT_TYPE.match(item) for item in _strings(config.get("headers", "")))
    said = next((found[1] for found in headers if found), config.get("message.content_type", "").partition(";")[0])
    return said.strip().lower()


def _is_json_type(kind: str) -> bool:
    return kind.endswith(("/json", "+json", "ndjson"))


def _is_json(text: str, *, containers: bool) -> bool:
    """Whether the text is JSON, or has JSON in each line; with `containers`, only objects and arrays count."""
    return _parses(text, containers) or all(_parses(line, containers) for line in text.split("\n") if line.strip())


def _parses(text: str, containers: bool) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict | list) or not containers
