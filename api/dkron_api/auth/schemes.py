"""The schemes that an installation has chosen, built."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from dkron_api.auth.caller import Caller, Need
from dkron_api.auth.dkron import DkronScheme, Rules, TokenIndex, policies_allow, rules_of
from dkron_api.auth.guard import Guard, Scheme
from dkron_api.auth.issuer_keys import IssuerKeys
from dkron_api.auth.key_sources import Load, file_source, issuer_source, trust, url_source
from dkron_api.auth.kubernetes import KubernetesScheme, Rights
from dkron_api.auth.oidc import ClaimNames, Judge, OidcScheme
from dkron_api.auth.token_secrets import Token
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.settings import AuthMode, Settings, UnusableOption
from dkron_api.translate.record import Object
from dkron_kube.client import KubeClient
from dkron_kube.errors import Unavailable

KEYS_FRESH, KEYS_PAUSE = 300.0, 10.0
"""Seconds until an issuer's keys are looked at again, and between two looks."""
FILE_PAUSE = 1.0
"""Seconds between two looks at a file of keys."""


class PolicyRules:
    """The rules of the policies in a cache, read once for each version of a policy."""

    def __init__(self, policies: ObjectCache[Object]) -> None:
        self._policies = policies
        self._read: dict[str, tuple[Object, Rules]] = {}

    def get(self, name: str) -> Rules | None:
        """Return the rules of the policy; None if there is none of this name."""
        policy = self._policies.by_name(name)
        if policy is None:
            return None
        known = self._read.get(name)
        if known is not None and known[0] is policy:
            return known[1]
        if len(self._read) > len(self._policies):
            # Of policies that are gone.
            self._read.clear()
        rules = rules_of(policy)
        self._read[name] = policy, rules
        return rules


def guard(
    settings: Settings,
    kube: KubeClient,
    *,
    tokens: TokenIndex,
    secrets: ObjectCache[Token],
    policies: ObjectCache[Object],
    clock: Callable[[], datetime],
) -> Guard:
    """Return the guard that these settings ask for. Tokens of ours are told by their beginning, and tokens of an
    issuer by their claims, so these come first. Raises `UnusableOption`."""
    policy = PolicyRules(policies).get

    def waiting_for(*caches: ObjectCache[Any]) -> str:
        unread = (cache for cache in caches if not cache.ready)
        return next((cache.trouble or f"the {cache.kind} are still being read" for cache in unread), "")

    def recall_policies(caller: Caller, need: Need) -> bool | None:
        if policies_allow(caller.policies, need, policy):
            return True
        # A policy that has not been read yet may allow it.
        return False if policies.ready else None

    async def by_policies(caller: Caller, need: Need) -> bool:
        if missing := waiting_for(policies):
            raise Unavailable(f"not ready yet: {missing}")
        return policies_allow(caller.policies, need, policy)

    async def by_roles(caller: Caller, need: Need) -> bool:
        return await rights.allows(caller, need.right)

    rights = Rights(kube, clock=time.monotonic)
    schemes: list[Scheme] = []
    if AuthMode.DKRON in settings.auth:
        schemes.append(DkronScheme(tokens.get, policy, waiting_for=lambda: waiting_for(secrets, policies), clock=clock))
    if AuthMode.OIDC in settings.auth:
        ways = (by_policies, recall_policies) if settings.oidc_rights == "dkron" else (by_roles, rights.recall)
        schemes.append(oidc_scheme(settings, *ways, clock=time.time))
    if AuthMode.KUBERNETES in settings.auth:
        schemes.append(KubernetesScheme(kube, rights, settings.audiences, clock=time.monotonic))
    return Guard(schemes)


def oidc_scheme(
    settings: Settings, judge: Judge, recall_right: Callable[[Caller, Need], bool | None], *, clock: Callable[[], float]
) -> OidcScheme:
    """Return the scheme for the tokens of the issuer. Raises `UnusableOption`."""
    load, fresh, pause = _keys_from(settings)
    return OidcScheme(
        settings.oidc_issuer,
        settings.oidc_audience,
        keys=IssuerKeys(settings.oidc_issuer, load, fresh=fresh, pause=pause),
        names=ClaimNames(
            username=settings.oidc_username_claim,
            username_prefix=settings.username_prefix(),
            groups=settings.oidc_groups_claim,
            groups_prefix=settings.oidc_groups_prefix,
            policies=settings.oidc_policies_claim,
        ),
        judge=judge,
        recall_right=recall_right,
        clock=clock,
    )


def _keys_from(settings: Settings) -> tuple[Load, float, float]:
    where = settings.oidc_jwks
    if where and "://" not in where:
        return file_source(Path(where)), FILE_PAUSE, FILE_PAUSE
    try:
        tls = trust(settings.oidc_ca)
    except OSError as error:
        raise UnusableOption(f"--oidc-ca {settings.oidc_ca}: {error.strerror or error}") from error
    return url_source(where, tls) if where else issuer_source(settings.oidc_issuer, tls), KEYS_FRESH, KEYS_PAUSE
