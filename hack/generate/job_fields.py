"""Writes api/dkron_api/assets/fields.json, which GET /v1/fields returns: the fields of a job and the settings of each
executor, with their descriptions.

The fields come from the model of the custom resource, the settings from the models that the operator reads them with;
for `shell` and `docker`, from the tables in the documentation.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from dkron_crds.spec import JobSpec
from dkron_executors.keys import MODELS, keys_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "api" / "dkron_api" / "assets" / "fields.json"
JOBS, EXECUTORS = ROOT / "docs" / "jobs.md", ROOT / "docs" / "executors.md"
FIELDS = {
    "name": "name", "displayname": "display_name", "schedule": "schedule", "timezone": "timezone",
    "parent_job": "parent_job", "disabled": "disabled", "concurrency": "concurrency", "queue": "queue",
    "retries": "retries",
    "executor": "executor", "executor_config": "executor_config", "processors": "processors", "tags": "tags",
    "metadata": "metadata", "owner": "owner", "owner_email": "owner_email", "ephemeral": "ephemeral",
    "starts_at": "starts_at", "expires_at": "expires_at",
}  # fmt: skip
"""The fields of a job in REST, and the attributes of the model."""
SWITCHES = {"shell"}
"""Settings of `shell` that are on or off."""

Entry = dict[str, Any]


def document() -> dict[str, Any]:
    """The content of the file."""
    fields = {name: _line(JobSpec.model_fields[kept].description or "") for name, kept in FIELDS.items()}
    return {"fields": fields, "executors": [_executor(*each) for each in _executors()]}


def _executors() -> Iterator[tuple[str, str]]:
    """Each executor and what a run of it is, as the first table of the page says."""
    for name, what, *_ in _rows(EXECUTORS.read_text(encoding="utf-8"), "| executor | a run is |"):
        yield name.strip("`"), what.partition(", see ")[0]


def _executor(name: str, what: str) -> Entry:
    if name in MODELS:
        keys = [_key(field.alias or each, field) for each, field in keys_of(name).model_fields.items()]
    else:
        keys = {"shell": _of_shell, "docker": _of_docker}.get(name, list)()
    return {"name": name, "description": what, "keys": keys}


def _key(name: str, field: FieldInfo) -> Entry:
    is_switch = field.default is False
    default = "" if field.is_required() or field.default in (None, "", (), b"", False) else str(field.default)
    return _entry(name, field.description or "", default=default, required=field.is_required(), switch=is_switch)


def _of_shell() -> list[Entry]:
    found = []
    for key, meaning in _rows(JOBS.read_text(encoding="utf-8"), "| key | meaning |"):
        text = meaning.removeprefix("required. ")
        name = key.strip("`")
        found.append(_entry(name, text, required=text != meaning, switch=name in SWITCHES))
    return found


def _of_docker() -> list[Entry]:
    page = EXECUTORS.read_text(encoding="utf-8").partition("\n## docker\n")[2]
    of_shell = {each["name"]: each for each in _of_shell()}
    found = []
    for names, default, meaning in _rows(page, "| key | default | meaning |"):
        for name in re.findall(r"`(\w+)`", names):
            text = of_shell[name]["description"] if meaning.startswith("as in") else meaning
            default_text = "" if default == "required" else default
            found.append(_entry(name, text, default=default_text, required=default == "required"))
    return found


def _entry(name: str, text: str, *, default: str = "", required: bool = False, switch: bool = False) -> Entry:
    return {
        "name": name, "description": _line(text), "default": default, "required": required, "switch": switch,
    }  # fmt: skip


def _rows(page: str, head: str) -> Iterator[list[str]]:
    """The cells of the first table that begins so, without links. Raises ValueError if there is none."""
    _, found, rest = page.partition(head)
    if not found:
        raise ValueError(f"the page must have a table that begins with {head}")
    for line in rest.splitlines()[2:]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        yield [re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", cell.strip()).replace("\\|", "|") for cell in cells]


def _line(text: str) -> str:
    return " ".join(text.split())


def files() -> dict[Path, str]:
    """The file, and its content."""
    return {FILE: json.dumps(document(), ensure_ascii=False, indent=1) + "\n"}
