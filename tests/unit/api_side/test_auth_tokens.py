"""Tokens of ours, and the Secrets that hold their hashes."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.auth.caller import Need, Right, key_of
from dkron_api.auth.dkron import DkronScheme, Rules, TokenIndex, rules_of
from dkron_api.auth.schemes import PolicyRules
from dkron_api.auth.token_secrets import (
    PREFIX,
    Token,
    TokenError,
    TokenKind,
    digest_of,
    read_secret,
    secret_of,
    token_from,
)
from dkron_api.cache.object_cache import ObjectCache, plain
from dkron_crds.policy import Capability
from dkron_kube.errors import Unavailable
from tests.support.api_app import object_of

Object = dict[str, Any]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET_TEXT = token_from(b"x" * 32)
CLIENT = Token("a1", "ci", TokenKind.CLIENT, digest_of(SECRET_TEXT), policies=("readers", "runners"))
RUNNING = {"/v1/jobs/*/run": {"capabilities": ["create"]}, "/v1/acl/**": {"capabilities": ["read"]}}
POLICIES = {
    "readers": {"spec": {"path": {"/v1/jobs": {"capabilities": ["list"]}}}},
    "runners": {"spec": {"path": RUNNING}},
}


def stored(token: Token, **data: str) -> Object:
    """The Secret as the API server has it."""
    secret = secret_of(token)
    texts = {**secret.pop("stringData"), **data}
    return {**secret, "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}


def scheme(*tokens: Token, now: datetime = NOON, missing: str = "") -> DkronScheme:
    index = TokenIndex()
    for token in tokens:
        index.changed(None, token)

    def policy(name: str) -> Rules | None:
        return rules_of(POLICIES[name]) if name in POLICIES else None

    return DkronScheme(index.get, policy, waiting_for=lambda: missing, clock=lambda: now)


@given(
    st.builds(
        Token,
        accessor=st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True),
        name=st.text("abc ", min_size=1, max_size=9),
        kind=st.sampled_from(TokenKind),
        digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
        policies=st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), max_size=3).map(tuple),
        expires=st.none() | st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    )
)
def test_a_secret_holds_all_of_a_token_but_the_token(token: Token) -> None:
    assert read_secret(stored(token)) == token


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param({"sha256": "abc"}, "64 lower-case", id="a short hash"),
        pytest.param({"sha256": "A" * 64}, "64 lower-case", id="capitals"),
        pytest.param({"sha256": ""}, "64 lower-case", id="no hash"),
        pytest.param({"accessor": "other"}, "its name is not", id="another's name"),
        pytest.param({"kind": "root"}, "management or client", id="no kind of ours"),
        pytest.param({"expires": "tomorrow"}, "RFC 3339", id="no time"),
        pytest.param({"expires": "2026-01-01T00:00:00"}, "time zone", id="a time without a zone"),
    ],
)
def test_secret_that_is_not_a_token_authenticates_no_caller(data: dict[str, str], why: str) -> None:
    with pytest.raises(TokenError, match=why):
        read_secret(stored(CLIENT, **data))
    with pytest.raises(TokenError, match="its type"):
        read_secret({**stored(CLIENT), "type": "Opaque"})


@pytest.mark.parametrize(
    ("token", "known"),
    [
        pytest.param(SECRET_TEXT, True, id="the token"),
        pytest.param(SECRET_TEXT + "x", False, id="one more character"),
        pytest.param(digest_of(SECRET_TEXT), False, id="its hash"),
        pytest.param("", False, id="none"),
    ],
)
async def test_a_token_is_known_by_its_hash(token: str, *, known: bool) -> None:
    own = scheme(CLIENT)
    caller = await own.caller(token)
    assert (caller is not None) is known
    assert caller is None or (caller.name, caller.uid, caller.management) == ("ci", "a1", False)
    assert own.recall(key_of(token)) == caller


async def test_token_ends_when_it_expires_or_its_secret_is_deleted() -> None:
    short = Token("a1", "ci", TokenKind.CLIENT, CLIENT.digest, expires=NOON + timedelta(seconds=1))
    assert await scheme(short).caller(SECRET_TEXT) is not None
    late = scheme(short, now=NOON + timedelta(seconds=1))
    assert (await late.caller(SECRET_TEXT), late.recall(key_of(SECRET_TEXT))) == (None, None)
    index = TokenIndex()
    index.changed(None, CLIENT)
    index.changed(CLIENT, None)
    assert index.get(CLIENT.key) is None


@pytest.mark.parametrize(
    ("kind", "path", "capability", "allowed"),
    [
        pytest.param(TokenKind.CLIENT, "/v1/jobs", Capability.LIST, True, id="by one policy"),
        pytest.param(TokenKind.CLIENT, "/v1/jobs/a/run", Capability.CREATE, True, id="by the other"),
        pytest.param(TokenKind.CLIENT, "/v1/jobs/a", Capability.DELETE, False, id="by none"),
        pytest.param(TokenKind.CLIENT, "/v1/acl/policies/a", Capability.READ, False, id="policies, whatever one says"),
        pytest.param(TokenKind.MANAGEMENT, "/v1/acl/policies/a", Capability.DELETE, True, id="a management token"),
    ],
)
async def test_client_may_do_what_its_policies_grant(
    kind: TokenKind, path: str, capability: Capability, *, allowed: bool
) -> None:
    own = scheme(Token("a1", "ci", kind, CLIENT.digest, policies=("readers", "runners", "gone")))
    caller = await own.caller(SECRET_TEXT)
    assert caller is not None
    assert await own.allows(caller, Need(Right("any"), path, capability)) is allowed


async def test_tokens_are_refused_only_after_all_are_read() -> None:
    early = scheme(CLIENT, missing="the tokens are still being read")
    assert early.recall(key_of(SECRET_TEXT)) is None
    with pytest.raises(Unavailable, match="not ready yet: the tokens are still being read"):
        await early.caller(SECRET_TEXT)


def test_a_policy_counts_as_it_is_in_the_cache() -> None:
    policies = ObjectCache("dkronpolicies", plain)
    rules = PolicyRules(policies)

    def put(version: int, capability: str, name: str = "p") -> None:
        spec = {"path": {"/v1/jobs": {"capabilities": [capability]}}}
        policies.upsert(object_of(name, version=version, spec=spec))

    for version, capability in enumerate(("list", "read"), 1):
        put(version, capability)
        known = rules.get("p")
        assert known is not None
        assert rules.get("p") is known, "read once"
        assert [each for each in Capability if known.grant("/v1/jobs", each)] == [capability]
    policies.remove(object_of("p"))
    assert rules.get("p") is None
    for number in range(20):
        put(number + 5, "list", f"q{number}")
        assert rules.get(f"q{number}") is not None
        policies.remove(object_of(f"q{number}"))
    assert len(rules._read) <= 2, "policies that are gone take no memory"


def test_token_has_256_bits_and_a_prefix() -> None:
    assert SECRET_TEXT.startswith(PREFIX)
    assert len(base64.urlsafe_b64decode(SECRET_TEXT.removeprefix(PREFIX) + "=")) == 32
