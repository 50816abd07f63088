"""`python -m generate [--check]`: write all files that follow from others, or name those that do not."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from generate import chart, cli_reference, executor_keys, job_fields, json_schemas, operator_metrics, rest
from localcluster.errors import ClusterError
from release import version

ROOT = Path(__file__).parents[2]
Files = Mapping[Path, str]
STEPS: tuple[Callable[[], Files], ...] = (
    lambda: dict(version.outdated(ROOT, version.of_project(ROOT))),
    chart.files,
    rest.files,
    executor_keys.files,
    job_fields.files,  # reads a page that the step before writes
    operator_metrics.files,
    cli_reference.files,
    json_schemas.files,
)
FOLDERS = (json_schemas.FOLDER,)
"""Of which all files are generated."""


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them; the exit status."""
    wanted: dict[Path, str] = {}
    stale: list[Path] = []
    for step in STEPS:
        files = step()
        wanted.update(files)
        different = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]
        stale += different
        if "--check" not in arguments:
            _write({path: files[path] for path in different})
    strangers = [path for folder in FOLDERS for path in folder.rglob("*.json") if path not in wanted]
    if "--check" not in arguments:
        for path in strangers:
            path.unlink()
        return 0
    for path in (*stale, *strangers):
        sys.stderr.write(f"{path.relative_to(ROOT)} does not follow from its source; run `make generate`\n")
    return int(bool(stale or strangers))


def _write(files: Files) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ClusterError as exc:
        sys.exit(f"generate: {exc}")
