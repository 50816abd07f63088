"""What does it cost the REST API to know its callers? Each way of `--auth` beside none, in the same minute.

A cluster without nodes, one process of `dkron-api` for each way, all on one core, the load on the other. A request
shows one small job. The API server has said before who the callers are and what they may do, so that is in the cache,
as in the steady state. With 200 tenants each request has the token of another one.

    python bench/rest_auth.py [--connections 32] [--rounds 5] [--seconds 3]

Ways take turns; what is printed is the median of the rounds after a first one that does not count, which also fills the
caches. `of none` is the rate by the rate with `--auth none` in the same round.
"""

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from secrets import token_bytes
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from load import load, request
from rest import run, stored
from rest_servers import Cores, Server, dkron_api, pinned, two_cores
from rest_table import Round, Rounds
from rig import Object, many, namespace

from dkron_api.auth.token_secrets import RANDOM_BYTES, Token, TokenKind, digest_of, secret_of, token_from
from dkron_kube import access
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_POLICIES, SECRETS, Resource

TENANTS = 200
ISSUER, AUDIENCE, READERS = "https://issuer.example", "dkron", "readers"
JOB = "job-0000"
PATH = f"/v1/jobs/{JOB}"
HOUR = 3600
_TITLES = f"{'--auth':<16} {'tokens':>6} {'requests/s':>10} {'of none':>8} {'CPU µs':>7} {'more':>5}"
HEADER = f"{_TITLES} {'p99 ms':>7} {'load':>5}"
ACCOUNTS = Resource("", "v1", "serviceaccounts")
RBAC = "rbac.authorization.k8s.io"
ROLES, ROLE_BINDINGS = Resource(RBAC, "v1", "roles"), Resource(RBAC, "v1", "rolebindings")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to know callers: options of `dkron-api`, and a token for each tenant."""

    name: str
    options: Sequence[str]
    tokens: Sequence[str] = ("",)
    rounds: dict[int, Rounds] = field(default_factory=dict)


class Tenants:
    """Tokens of all kinds, of as many tenants, who all may read the jobs of a namespace."""

    def __init__(self, client: KubeClient, name: str) -> None:
        self._client = client
        self._namespace = name

    async def permit(self) -> None:
        """Let accounts of the namespace, and the group of readers, read its jobs, by a Role and by a policy."""
        rules = [{"apiGroups": ["dkron.io"], "resources": ["dkronjobs"], "verbs": ["get", "list", "watch"]}]
        await self._create(ROLES, {"metadata": {"name": READERS}, "rules": rules})
        groups = (READERS, f"system:serviceaccounts:{self._namespace}")
        subjects = [{"apiGroup": RBAC, "kind": "Group", "name": group} for group in groups]
        role = {"apiGroup": RBAC, "kind": "Role", "name": READERS}
        await self._create(ROLE_BINDINGS, {"metadata": {"name": READERS}, "subjects": subjects, "roleRef": role})
        path = {"/v1/**": {"capabilities": ["read"]}}
        await self._create(DKRON_POLICIES, {"metadata": {"name": READERS}, "spec": {"path": path}})

    async def of_the_cluster(self) -> list[str]:
        """Tokens of service accounts."""
        tokens: list[str] = []

        async def make(number: int) -> None:
            name = f"tenant-{number}"
            await self._create(ACCOUNTS, {"metadata": {"name": name}})
            asked = {"spec": {"audiences": [AUDIENCE], "expirationSeconds": HOUR}}
            resource = Resource("", "v1", f"serviceaccounts/{name}/token")
            kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
            answer = await self._client.create(resource, self._namespace, kind | asked)
            tokens.append(answer["status"]["token"])

        await many(TENANTS, make)
        return tokens

    async def of_ours(self) -> list[str]:
        """Tokens of `dkron-api token`."""
        tokens = [token_from(token_bytes(RANDOM_BYTES)) for _ in range(TENANTS)]

        async def make(number: int) -> None:
            token = Token(f"t{number}", f"tenant-{number}", TokenKind.CLIENT, digest_of(tokens[number]), (READERS,))
            await self._create(SECRETS, secret_of(token))

        await many(TENANTS, make)
        return tokens

    async def _create(self, resource: Resource, body: Object) -> None:
        version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        kinds = {ACCOUNTS: "ServiceAccount", ROLES: "Role", ROLE_BINDINGS: "RoleBinding"}
        kind = {SECRETS: "Secret", DKRON_POLICIES: "DkronPolicy", DKRON_JOBS: "DkronJob", **kinds}[resource]
        await self._client.create(resource, self._namespace, {"apiVersion": version, "kind": kind} | body)


def of_an_issuer(keys: Path) -> list[str]:
    """Tokens of an issuer, whose keys are in this file then."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk: dict[str, Any] = jwt.get_algorithm_by_name("RS256").to_jwk(private.public_key(), as_dict=True)
    keys.write_text(json.dumps({"keys": [jwk | {"kid": "k1"}]}))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + HOUR, "groups": [READERS]}
    users = (claims | {"sub": f"tenant-{number}"} for number in range(TENANTS))
    return [jwt.encode(user, private, algorithm="RS256", headers={"kid": "k1"}) for user in users]


async def measured(server: Server, tokens: Sequence[str], cores: Cores, options: argparse.Namespace) -> Round:
    """One round of the load, with these tokens in turn."""
    requests = cycle([request("GET", PATH, token=token) for token in tokens])
    used = server.cpu()
    with pinned(cores.generator):
        outcome = await load(
            server.address, requests, expected=200, connections=options.connections, seconds=options.seconds
        )
    cpu = server.cpu() - used
    server.forget()
    return Round(outcome, cpu)


async def compare(kubeconfig: Path, options: argparse.Namespace) -> None:
    """Run all ways, and print a row for each."""
    client, cores = KubeClient(await access.load(kubeconfig)), two_cores()
    try:
        async with namespace(client, "rest-auth") as name, contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            await client.create(DKRON_JOBS, name, stored(JOB))
            ways = await _ways(Tenants(client, name), folder / "keys.json")
            servers = [
                stack.enter_context(dkron_api(kubeconfig, name, core=cores.server, options=list(way.options)))
                for way in ways
            ]
            for _ in range(options.rounds + 1):
                for way, server in zip(ways, servers, strict=True):
                    for tenants in sorted({1, len(way.tokens)}):
                        done = await measured(server, way.tokens[:tenants], cores, options)
                        way.rounds.setdefault(tenants, Rounds()).add(done)
            _show(ways, options)
    finally:
        await client.close()


async def _ways(tenants: Tenants, keys: Path) -> list[Way]:
    await tenants.permit()
    issuer = ["--auth", "oidc", "--oidc-issuer", ISSUER, "--oidc-audience", AUDIENCE, "--oidc-jwks", str(keys)]
    policies = ["--oidc-rights", "dkron", "--oidc-policies-claim", "groups"]
    issued = of_an_issuer(keys)
    cluster = ["--auth", "kubernetes", "--audiences", AUDIENCE]
    return [
        Way("none", ()),
        Way("kubernetes", cluster, await tenants.of_the_cluster()),
        Way("dkron", ("--auth", "dkron"), await tenants.of_ours()),
        Way("oidc, roles", issuer, issued),
        Way("oidc, policies", (*issuer, *policies), issued),
    ]


def _show(ways: Sequence[Way], options: argparse.Namespace) -> None:
    none = ways[0].rounds[1]
    print(f"{options.connections} connections, median of {options.rounds} rounds of {options.seconds:g} s")
    print(HEADER)
    for way in ways:
        for tenants, rounds in way.rounds.items():
            tokens = tenants if way.tokens[0] else 0
            busy = rounds.median(lambda each: each.outcome.busy)
            print(
                f"{way.name:<16} {tokens:>6} {rounds.rate:>10,.0f} {rounds.share_of(none):>8.0%} {rounds.cost:>7.0f} "
                f"{rounds.cost - none.cost:>5.0f} {rounds.latency(0.99):>7.2f} {busy:>5.0%}",
                flush=True,
            )


def main() -> None:
    """Start the cluster, compare, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=32, help="connections of the load (default 32)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--seconds", type=float, default=3, help="length of a round (default 3)")
    parser.add_argument("--kubeconfig", type=Path, help="a cluster that is there already and has the definitions")
    options = parser.parse_args()
    run(compare, options)


if __name__ == "__main__":
    main()
