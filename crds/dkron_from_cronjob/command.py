"""`dkron-from-cronjob`: reads CronJobs as YAML or JSON, writes DkronJobs as YAML, and remarks to standard error."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any, TextIO

import yaml

from dkron_from_cronjob.translate import Refused, translate

ABOUT = """Read CronJobs (batch/v1, YAML or JSON, also several or a List) from standard input and print a DkronJob for
each, which runs the same Jobs. What cannot be taken over, or means something else, is said on standard error. If one of
them is refused, nothing is printed and the exit code is 1."""


def main() -> None:
    """Entry point."""
    argparse.ArgumentParser(prog="dkron-from-cronjob", description=ABOUT).parse_args()
    sys.exit(convert(sys.stdin, out=sys.stdout, remarks=sys.stderr))


def convert(given: TextIO, *, out: TextIO, remarks: TextIO) -> int:
    """Translate all input and return the exit status."""
    jobs, status = [], 0
    try:
        for document in _objects(given):
            try:
                result = translate(document)
            except Refused as refused:
                remarks.write(f"{_name(document)}: {refused}\n")
                status = 1
                continue
            jobs.append(result.job)
            remarks.writelines(f"{_name(document)}: {remark}\n" for remark in result.remarks)
    except (yaml.YAMLError, Refused) as wrong:
        remarks.write(f"standard input: {wrong}\n")
        return 1
    if not status:
        yaml.safe_dump_all(jobs, out, sort_keys=False, explicit_start=len(jobs) > 1)
    return status


def _objects(given: TextIO) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(given):
        items = document.get("items") if isinstance(document, dict) and "items" in document else [document]
        for item in items or []:
            if item is None:
                continue
            if not isinstance(item, dict) or item.get("kind") != "CronJob":
                kind = item.get("kind") if isinstance(item, dict) else type(item).__name__
                raise Refused(f"it has a {kind}; pass only CronJobs, for example from kubectl get cronjob -o yaml")
            yield item


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name") or "CronJob") if isinstance(metadata, dict) else "CronJob"
