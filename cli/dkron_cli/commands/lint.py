"""`lint`: manifests, checked without a cluster."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.lint import Finding
from dkron_cli.core.lint import lint as lint_files
from dkron_cli.core.manifests import MOST_BYTES, Document, Unreadable, documents
from dkron_cli.edge.terminal import remark, say, structured
from dkron_cli.errors import Code
from dkron_cli.options import Options, options_of
from dkron_crds.names import API_VERSION
from dkron_reports.words import plural

SUFFIXES = (".yaml", ".yml", ".json")


def lint(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, folders, or - for standard input.")],
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
) -> None:
    """Check manifests without a cluster.

    Objects of dkron.io get the checks of the custom resources and of the operator: fields, schedules, zones, tags,
    settings of executors, fields of jobTemplate, and parents and pools among the files. Other objects are skipped. The
    exit code is 1 if there is an error, or nothing to check. lint cannot check facts that only a cluster knows, such as
    whether a Secret exists, or the stored value of an immutable field.
    """
    raise typer.Exit(check(options_of(ctx), files, strict=strict))


def check(options: Options, files: list[str], *, strict: bool = False) -> Code:
    """Print what is wrong in the files, and return the exit code."""
    given: dict[str, list[Document]] = {}
    findings: list[Finding] = []
    for file in _expanded(files):
        try:
            given[file] = documents(read(file))
        except Unreadable as error:
            findings.append(Finding(file, error.line, str(error)))
    found, checked = lint_files(given, datetime.now(UTC))
    findings += found
    raw = [each.as_json() for each in findings]
    if not structured(options, raw, names=lambda: dict.fromkeys(each.file for each in findings), one=False):
        for each in findings:
            say(str(each))
    errors = sum(not each.warning for each in findings)
    warnings = len(findings) - errors
    remark(f"{plural(checked, 'object')} checked: {plural(errors, 'error')}, {plural(warnings, 'warning')}")
    if not checked and not errors:
        remark(f'nothing to check; a DkronJob starts with "apiVersion: {API_VERSION}" and "kind: DkronJob"')
    return Code.FAILED if errors or not checked or (strict and warnings) else Code.OK


def read(file: str) -> str:
    """Return the text of a file, or of standard input for `-`. Raises `CliError`."""
    try:
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if file == "-" else _bytes(Path(file))
        if len(data) > MOST_BYTES:
            raise usage(f"{file} is larger than {MOST_BYTES >> 20} MiB; split it")
        return data.decode()
    except OSError as error:
        raise usage(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise usage(f"cannot read {file}: it is not UTF-8") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _expanded(files: list[str]) -> list[str]:
    found: list[str] = []
    for file in files:
        path = Path(file)
        if file != "-" and path.is_dir():
            found += sorted(str(each) for each in path.rglob("*") if each.suffix in SUFFIXES)
        else:
            found.append(file)
    return list(dict.fromkeys(found))
