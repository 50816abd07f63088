"""The schemes that an installation has chosen, built."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dkron_api.auth.dkron import DkronScheme, TokenIndex, rules_of
from dkron_api.auth.guard import Guard, Scheme
from dkron_api.auth.kubernetes import KubernetesScheme, Rights, Tokens
from dkron_api.auth.policy_rules import Rules
from dkron_api.auth.token_secrets import Token
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.settings import AuthMode, Settings
from dkron_kube.client import KubeClient


def guard(
    settings: Settings,
    kube: KubeClient,
    *,
    tokens: TokenIndex,
    secrets: ObjectCache[Token],
    policies: ObjectCache[dict[str, Any]],
    clock: Callable[[], datetime],
) -> Guard:
    """Return the guard that these settings ask for. Tokens of ours are told by their beginning, so they come first."""

    def policy(name: str) -> Rules | None:
        found = policies.by_name(name)
        return None if found is None else rules_of(found)

    schemes: list[Scheme] = []
    if AuthMode.DKRON in settings.auth:

        def waiting_for() -> str:
            unread = (cache for cache in (secrets, policies) if not cache.ready)
            return next((cache.trouble or f"the {cache.kind} are still being read" for cache in unread), "")

        schemes.append(DkronScheme(tokens.get, policy, waiting_for=waiting_for, clock=clock))
    if AuthMode.KUBERNETES in settings.auth:
        rights = Rights(kube, clock=time.monotonic)
        schemes.append(KubernetesScheme(Tokens(kube, settings.audiences, clock=time.monotonic), rights))
    return Guard(schemes)
