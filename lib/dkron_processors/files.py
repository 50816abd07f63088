"""`files`: the output becomes a file on a volume of the operator's pod."""

from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from dkron_crds.job import Attempt
from dkron_processors.config import Forwarding
from dkron_processors.message import Ended, File, Parcel
from dkron_processors.site import Site

LONGEST_FOLDER = 255
DEEPEST = 32
"""How many folders a `log_dir` may name: each of them is created."""


def _folder(text: str) -> str:
    parts = PurePosixPath(text).parts
    if ".." in parts or "\0" in text or any(len(part.encode()) > LONGEST_FOLDER for part in parts):
        raise ValueError(f'"{text}" is not a path below the output directory of the operator')
    if len(parts) > DEEPEST:
        raise ValueError(f"it has {len(parts)} nested folders; use at most {DEEPEST}")
    return text


class Files(Forwarding):
    """Settings of `files`. Each namespace has its own folder in the output directory, and `log_dir` lies in that
    folder."""

    name: ClassVar[str] = "files"
    log_dir: Annotated[str, AfterValidator(_folder)] = ""

    def missing(self, site: Site) -> str:
        """There has to be an output directory, and `log_dir` has to lie in it."""
        if not site.output_dir:
            return "the operator has no output directory; start it with --output-dir"
        if self._below(site) is None:
            return f'log_dir: "{self.log_dir}" is not in {site.output_dir}, the output directory of the operator'
        return ""

    def output_note(self, site: Site, namespace: str, execution: Attempt) -> str | None:
        """The path, as in Dkron."""
        if self.forward:
            return None
        return str(PurePosixPath(site.output_dir, self._place(site, namespace), _name(execution)))

    def render(self, site: Site, ended: Ended) -> Parcel:
        """A file named after the execution. Sending it again writes the same file."""
        folder = self._place(site, ended.namespace)
        return Parcel(self.name, File(folder, _name(ended.execution), ended.output))

    def _place(self, site: Site, namespace: str) -> str:
        return str(PurePosixPath(namespace) / (self._below(site) or ""))

    def _below(self, site: Site) -> PurePosixPath | None:
        """`log_dir` without the output directory that it may begin with; None if it lies elsewhere."""
        wanted, root = PurePosixPath(self.log_dir), PurePosixPath(site.output_dir)
        if not wanted.is_absolute():
            return wanted
        return wanted.relative_to(root) if wanted.is_relative_to(root) else None


def _name(execution: Attempt) -> str:
    return f"{execution.id.replace('/', '_')}.log"
