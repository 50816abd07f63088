"""Where the API server's CPU goes: its own profile of a while, as shares of its parts.

`go tool pprof` prints the stacks; a sample counts for the innermost of its frames that a rule knows.
"""

import asyncio
import re
import subprocess
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path

import aiohttp

from dkron_kube.client import KubeClient
from localcluster import gotoolchain

FLAG = "--profiling=true"
"""Of the API server, which otherwise serves no profile."""
PATH = "/debug/pprof/profile"
REST = "the rest: Go's scheduler, timers, system calls"
RULES = (
    ("garbage collection", r"runtime\.(gcBgMarkWorker|gcAssistAlloc|bgsweep|bgscavenge)"),
    ("CEL rules, admission policies", r"cel-go|/cel[./]|policy/validating|policy/mutating"),
    ("other admission", r"apiserver/pkg/admission|plugin/pkg/admission|admission/plugin"),
    ("managed fields (structured merge)", r"structured-merge-diff|managedfields"),
    (
        "schema: validation, pruning, defaults",
        r"apiextensions-apiserver/pkg/(apiserver/(schema|validation)|registry)|kube-openapi/pkg/validation|/validation\.",
    ),
    ("copies of objects", r"DeepCopy|deepcopy|\.Convert_|runtime\.\(\*Scheme\)|conversion\."),
    (
        "encoding and decoding",
        r"/json\b|json-iterator|runtime/serializer|protobuf|cbor|json-?patch|jsonmergepatch|yaml|unstructured\.|arshal",
    ),
    ("watch cache and fan-out", r"storage/cacher|handlers\.\(\*WatchServer\)|handlers\.serveWatch|pkg/watch\."),
    ("etcd's client", r"etcd/client|google\.golang\.org/grpc|storage/etcd3|storage/value"),
    ("authentication and authorization", r"authorization/|authentication/|plugin/pkg/auth|pkg/auth/"),
    (
        "HTTP and TLS",
        r"crypto/|http2|net/http\.\(\*(response|chunkWriter|connReader|body|persistConn|Transport)\)|bufio",
    ),
    ("priority and fairness, audit, metrics, logs", r"flowcontrol|apiserver/pkg/audit|component-base|prometheus|klog"),
    ("handlers and stores of the API", r"k8s\.io/apiserver/pkg|k8s\.io/kubernetes/pkg|k8s\.io/kube-aggregator"),
)
_COMPILED = [(part, re.compile(rule)) for part, rule in RULES]
_SAMPLE = re.compile(r"^ +([\d.]+)(ns|us|µs|ms|s|mins|hrs)   (.+)$")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "mins": 60.0, "hrs": 3600.0}


async def take(client: KubeClient, seconds: int) -> dict[str, float]:
    """Profile the API server for so long. Return the share of each part, the largest first."""
    patience = aiohttp.ClientTimeout(total=seconds + 60)
    async with (
        client.access.open_session() as session,
        session.get(PATH, params={"seconds": str(seconds)}, timeout=patience) as response,
    ):
        response.raise_for_status()
        content = await response.read()
    return await asyncio.to_thread(_parts, content)


def _parts(profile: bytes) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile"
        path.write_bytes(profile)
        command = [str(gotoolchain.find()), "tool", "pprof", "-traces", str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    return parts(result.stdout)


def parts(traces: str) -> dict[str, float]:
    """The shares of the parts, from the text of `go tool pprof -traces`: a stack after each line of dashes."""
    used: defaultdict[str, float] = defaultdict(float)
    for stack in re.split(r"^-+\+-+$", traces, flags=re.MULTILINE)[1:]:
        lines = [line for line in stack.splitlines() if line.strip()]
        at = next((number for number, line in enumerate(lines) if _SAMPLE.match(line)), None)
        if at is not None and (sample := _SAMPLE.match(lines[at])):
            frames = (sample[3], *(line.strip() for line in lines[at + 1 :]))
            used[_part(frames)] += float(sample[1]) * _UNITS[sample[2]]
    total, largest_first = sum(used.values()), sorted(used.items(), key=lambda item: -item[1])
    return {part: seconds / total for part, seconds in largest_first}


def _part(frames: tuple[str, ...]) -> str:
    return next(filter(None, map(_known, frames)), REST)


@cache
def _known(frame: str) -> str:
    """The part of the first rule that knows a frame; empty if none does."""
    return next((part for part, rule in _COMPILED if rule.search(frame)), "")
