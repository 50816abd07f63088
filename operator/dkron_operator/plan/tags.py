"""Tags: which labels a node has to have, and how many of the nodes that have them are wanted.

`"value"` or `"value:count"`, as in Dkron (behaviour §5). What Dkron takes without a word and then never runs, such as
`web:0`, is refused here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dkron_crds.job import ReadyReason
from dkron_crds.names import GROUP
from dkron_operator.executors.config import ConfigError

MOST_ALTERNATIVES = 6
"""Keys without "/" beside a count: each is one of two labels, and Kubernetes wants all combinations written out."""

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LONGEST_SUBDOMAIN = 253
_COUNT = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tags:
    """What a job asks of its nodes. `count` None: all that have the labels."""

    labels: Mapping[str, str]
    count: int | None

    def fit(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels has all the tags."""
        return all(any(labels.get(name) == value for name in label_names(key)) for key, value in self.labels.items())

    @property
    def alternatives(self) -> int:
        """How many of the keys are one of two labels."""
        return sum("/" not in key for key in self.labels)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.labels.items())


def label_names(key: str) -> tuple[str, ...]:
    """The labels that a tag may be: its key as it stands, and ours of that name for a key without a prefix."""
    return (key,) if "/" in key else (key, f"{GROUP}/{key}")


def read_tags(tags: Mapping[str, str]) -> Tags:
    """The tags of a job. Raises `ConfigError`, with a sentence that names the tag that cannot be."""
    parts = {key: _split(key, text) for key, text in tags.items()}
    counts = [count for _, count in parts.values() if count is not None]
    wanted = Tags({key: value for key, (value, _) in parts.items()}, min(counts, default=None))
    if counts and wanted.alternatives > MOST_ALTERNATIVES:
        raise _invalid(
            f'{wanted.alternatives} keys without "/" are too many beside a count; use at most {MOST_ALTERNATIVES}, '
            f"and write the others in full, as {GROUP}/<key>"
        )
    return wanted


def _split(key: str, text: str) -> tuple[str, int | None]:
    value, colon, count = text.partition(":")
    _check_key(key)
    if value and _NAME.fullmatch(value) is None:
        raise _invalid(
            f'"{value}" cannot be the value of a label; use up to 63 of A-Z a-z 0-9 - _ . with a letter or digit at '
            "both ends",
            key,
        )
    if not colon:
        return value, None
    if _COUNT.fullmatch(count) is None:
        raise _invalid(f'"{text}" has no count of nodes after the ":"; write "value" or "value:count", from 1 on', key)
    return value, int(count)


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    legal = not slash or (len(prefix) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(prefix))
    if not legal or _NAME.fullmatch(name) is None:
        raise _invalid(
            "this key cannot be a label; use up to 63 of A-Z a-z 0-9 - _ . after an optional prefix such as "
            "example.com/",
            key,
        )


def _invalid(what: str, key: str | None = None) -> ConfigError:
    where = "tags" if key is None else f"tags.{key}"
    return ConfigError(f"{where}: {what}", reason=ReadyReason.INVALID_TAGS)
