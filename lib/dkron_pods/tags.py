"""Parses the tags of a job; invalid tags are a problem of the job."""

from collections.abc import Mapping

from dkron_crds.job import ReadyReason
from dkron_crds.node_tags import TagError, Tags
from dkron_crds.node_tags import read_tags as read
from dkron_pods.config import ConfigError


def read_tags(tags: Mapping[str, str]) -> Tags:
    """The tags of a job. Raises `ConfigError` with a sentence that names the invalid tag."""
    try:
        return read(tags)
    except TagError as exc:
        raise ConfigError(str(exc), reason=ReadyReason.INVALID_TAGS) from exc
