"""Tokens of an issuer: which are valid, whose they are, and how its keys come and go."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from dkron_api.auth.caller import Caller, Need, Right, key_of
from dkron_api.auth.guard import LONGEST_TOKEN, Grant, Guard
from dkron_api.auth.issuer_keys import IssuerKeys
from dkron_api.auth.key_sources import (
    MOST_BYTES,
    KeysError,
    file_source,
    issuer_source,
    read_keys,
    signing_keys,
    trust,
    url_source,
)
from dkron_api.auth.oidc import AUTHENTICATED, LEEWAY, ClaimNames, OidcScheme, caller_of
from dkron_api.auth.routes import Namespaces
from dkron_api.auth.schemes import oidc_scheme
from dkron_api.refusal import ApiError
from dkron_api.settings import AuthMode, Settings
from dkron_crds.policy import Capability
from dkron_kube.errors import Unavailable
from dkron_runtime.command import USAGE, options
from tests.support.issuer import ALGORITHMS, AUDIENCE, Issuer, private_key, public_jwk, running_issuer, segment, signed

NOW = 1_800_000_000.0
NAMES = ClaimNames("sub", "", "groups", "")
FRESH, PAUSE = 300.0, 10.0
NEED = Need(Right("list", "dkronjobs", namespace="team"), "/v1/jobs", Capability.LIST)


@dataclass
class Clock:
    """Of the wall, and of the keys."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    monotonic = __call__


@dataclass
class Door:
    """A scheme for the tokens of an issuer."""

    issuer: Issuer
    clock: Clock
    scheme: OidcScheme
    keys: IssuerKeys

    def token(self, *, algorithm: str = "ES256", kid: str | None = "k1", name: str = "", **claims: Any) -> str:
        return signed(self.issuer.claims(self.clock(), **claims), algorithm=algorithm, kid=kid, name=name)


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    async with running_issuer(tmp_path) as running:
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """One that the library goes by, too."""
    clock = Clock()
    for module in ("jwt.api_jwk", "jwt.jwk_set_cache", "jwt.jwks_client", "dkron_api.auth.issuer_keys"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture
def door(issuer: Issuer, clock: Clock) -> Door:
    keys = IssuerKeys(issuer.url, issuer_source(issuer.url, trust(issuer.ca)), fresh=FRESH, pause=PAUSE)

    async def judge(caller: Caller, _: Need) -> bool:
        return caller.name == "ann"

    scheme = OidcScheme(
        issuer.url, ["other", AUDIENCE], keys=keys, names=NAMES, judge=judge, recall_right=lambda *_: None, clock=clock
    )
    return Door(issuer, clock, scheme, keys)


ANN = Caller("ann", AuthMode.OIDC, groups=(AUTHENTICATED,))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_of_each_algorithm_is_recognized(door: Door, algorithm: str) -> None:
    door.issuer.keys = [public_jwk(each, f"k-{each}") for each in ALGORITHMS]
    token = door.token(algorithm=algorithm, kid=f"k-{algorithm}", groups=["dev"])
    assert door.scheme.takes(token)
    assert await door.scheme.caller(token) == Caller("ann", AuthMode.OIDC, groups=("dev", AUTHENTICATED))


async def test_key_serves_only_its_own_algorithm(door: Door) -> None:
    jwk = public_jwk("RS256", "k1")
    claims, key = door.issuer.claims(NOW), private_key("RS256", "")
    tokens = [jwt.encode(claims, key, algorithm=each, headers={"kid": "k1"}) for each in ("RS256", "RS512", "PS256")]
    door.issuer.keys = [jwk]
    assert [await door.scheme.caller(token) for token in tokens] == [ANN, None, None]
    door.issuer.keys = [{name: value for name, value in jwk.items() if name != "alg"}]
    door.clock.now += PAUSE
    assert [await door.scheme.caller(token) for token in tokens[1:]] == [None, None], "it says none"
    assert await door.scheme.caller(tokens[0]) == ANN


def unsigned(door: Door, header: dict[str, Any]) -> str:
    return f"{segment(header)}.{segment(door.issuer.claims(NOW))}."


def as_secret(door: Door) -> str:
    """A token whose HMAC has the public key as its secret."""
    public = private_key("ES256", "").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = f"{segment({'alg': 'HS256', 'kid': 'k1'})}.{segment(door.issuer.claims(NOW))}"
    return f"{head}.{segment(jwt.get_algorithm_by_name('HS256').sign(head.encode(), pem))}"


def by_own_key(door: Door, **header: Any) -> str:
    """A token by a key that its header brings, or tells where to find."""
    return signed(door.issuer.claims(NOW), name="attacker", **header)


def changed(door: Door) -> str:
    head, _, signature = door.token().split(".")
    return f"{head}.{segment(door.issuer.claims(NOW, sub='root'))}.{signature}"


ALL_BUT_CLAIMS: dict[str, Callable[[Door], str]] = {
    "alg none": lambda door: unsigned(door, {"alg": "none", "kid": "k1"}),
    "alg None": lambda door: unsigned(door, {"alg": "None", "kid": "k1"}),
    "no alg": lambda door: unsigned(door, {"kid": "k1"}),
    "alg is a list": lambda door: unsigned(door, {"alg": ["ES256"], "kid": "k1"}),
    "the public key as a secret": as_secret,
    "a key of another": by_own_key,
    "jwk in the header": lambda door: by_own_key(door, jwk=public_jwk("ES256", "k1", name="attacker")),
    "jku in the header": lambda door: by_own_key(door, jku=f"{door.issuer.url}/other", kid="k9"),
    "x5u in the header": lambda door: by_own_key(door, x5u=f"{door.issuer.url}/other", x5c=["eA=="]),
    "crit that is unknown": lambda door: signed(door.issuer.claims(NOW), crit=["x"], x=1),
    "b64 that is false": lambda door: signed(door.issuer.claims(NOW), crit=["b64"], b64=False),
    "an unknown kid": lambda door: door.token(kid="k9"),
    "a kid that is a path": lambda door: door.token(kid="../../../../etc/passwd"),
    "a kid that is a device": lambda door: door.token(kid="/dev/zero"),
    "a kid that is an address": lambda door: door.token(kid=f"{door.issuer.url}/keys"),
    "an empty kid": lambda door: door.token(kid=""),
    "a kid without end": lambda door: door.token(kid="k" * 4000),
    "a kid that is a number": lambda door: unsigned(door, {"alg": "ES256", "kid": 1}),
    "claims that were changed": changed,
    "no signature": lambda door: door.token().rpartition(".")[0] + ".",
    "no JSON": lambda door: f"{segment(b'{')}.{segment(door.issuer.claims(NOW))}.x",
    "a header of brackets": lambda door: f"{segment(b'[' * 9000)}.{segment(door.issuer.claims(NOW))}.x",
    "claims of brackets": lambda _: f"{segment({'alg': 'ES256', 'kid': 'k1'})}.{segment(b'[' * 9000)}.x",
    "a number without end": lambda _: segment(b'{"alg": ' + b"9" * 9000 + b"}") + ".e30.x",
    "no base64": lambda _: "~.~.~",
    "four parts": lambda door: door.token() + ".x",
}


@pytest.mark.parametrize("made", ALL_BUT_CLAIMS.values(), ids=ALL_BUT_CLAIMS)
async def test_token_not_signed_by_the_issuer_is_invalid(door: Door, made: Callable[[Door], str]) -> None:
    assert await door.scheme.caller(door.token()) == ANN
    token = made(door)
    assert len(token) < LONGEST_TOKEN
    door.scheme.takes(token)
    assert await door.scheme.caller(token) is None
    assert set(door.issuer.asked) == {"/.well-known/openid-configuration", "/keys"}, "the header led elsewhere"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "else"}, id="for others"),
        pytest.param({"aud": []}, id="for none"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"aud": {AUDIENCE: 1}}, id="an audience that is an object"),
        pytest.param({"exp": NOW - LEEWAY}, id="expired"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"exp": "9999999999"}, id="an end that is a text"),
        pytest.param({"exp": True}, id="an end that is a truth"),
        pytest.param({"exp": float("inf")}, id="an end that is infinite"),
        pytest.param({"nbf": NOW + LEEWAY + 1}, id="not yet"),
        pytest.param({"nbf": "0"}, id="a beginning that is a text"),
        pytest.param({"sub": None}, id="no user"),
        pytest.param({"sub": ""}, id="an empty user"),
        pytest.param({"sub": 7}, id="a user that is a number"),
        pytest.param({"sub": "a\nb"}, id="a user of two lines"),
        pytest.param({"sub": "a" * 600}, id="a user without end"),
        pytest.param({"sub": "system:admin"}, id="a user of Kubernetes"),
        pytest.param({"groups": {"a": 1}}, id="groups that are an object"),
        pytest.param({"groups": ["a", 7]}, id="a group that is a number"),
        pytest.param({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, id="a logout token"),
    ],
)
async def test_a_signed_token_with_other_claims_is_not_valid(door: Door, claims: dict[str, Any]) -> None:
    assert await door.scheme.caller(door.token(**claims)) is None


@pytest.mark.parametrize(
    ("kind", "valid"),
    [
        ("JWT", True), ("at+jwt", True), ("application/at+JWT", True), ("logout+jwt", False), ("LOGOUT+JWT", False),
        ("application/secevent+jwt", False), (["at+jwt"], False),
    ],
)  # fmt: skip
async def test_a_token_for_another_purpose_is_not_valid(door: Door, kind: object, valid: bool) -> None:
    token = signed(door.issuer.claims(NOW), typ=kind)
    assert (await door.scheme.caller(token) is not None) == valid


async def test_clock_skew_and_several_audiences_are_accepted(door: Door) -> None:
    late: dict[str, Any] = {"exp": NOW - LEEWAY + 1, "nbf": NOW + LEEWAY - 1, "aud": ["x", AUDIENCE]}
    assert await door.scheme.caller(door.token(**late)) == ANN


async def test_recognized_token_ends_when_it_expires(door: Door) -> None:
    token = door.token(exp=NOW + 60)
    assert await door.scheme.caller(token) == ANN
    assert (door.scheme.recall(key_of(token)), door.scheme.knows(token)) == (ANN, True)
    door.clock.now += 60 + LEEWAY
    assert (door.scheme.recall(key_of(token)), await door.scheme.caller(token)) == (None, None)
    assert not door.scheme.knows(token)


@dataclass(frozen=True, slots=True)
class Reading:
    """Claims, how they are read, and the user with its groups; no user means that the token is not valid."""

    claims: Mapping[str, Any]
    user: str = ""
    groups: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(Reading({"sub": "ann"}, "https://i#ann"), id="by default"),
        pytest.param(Reading({"sub": "ann"}, "ann", options={"oidc_username_prefix": "-"}), id="no prefix"),
        pytest.param(Reading({"sub": "ann"}, "x:ann", options={"oidc_username_prefix": "x:"}), id="a prefix"),
        pytest.param(Reading({"email": "a@b"}, "a@b", options={"oidc_username_claim": "email"}), id="an email"),
        pytest.param(
            Reading({"email": "a@b", "email_verified": False}, options={"oidc_username_claim": "email"}),
            id="an email that may be of another",
        ),
        pytest.param(
            Reading({"sub": "a", "groups": ["b", "c"]}, "https://i#a", ("g:b", "g:c"), {"oidc_groups_prefix": "g:"}),
            id="groups",
        ),
        pytest.param(
            Reading({"sub": "a", "roles": "b"}, "https://i#a", ("b",), {"oidc_groups_claim": "roles"}),
            id="one group, by another claim",
        ),
        pytest.param(
            Reading({"sub": "a", "groups": ["system:masters", "b"]}, "https://i#a", ("b",)), id="not of Kubernetes"
        ),
    ],
)
def test_claims_are_read_as_kube_apiserver_does(row: Reading) -> None:
    settings = Settings(auth=[AuthMode.OIDC], oidc_issuer="https://i", oidc_audience=["a"], **row.options)
    names = ClaimNames(
        settings.oidc_username_claim,
        settings.username_prefix(),
        settings.oidc_groups_claim,
        settings.oidc_groups_prefix,
    )
    expected = Caller(row.user, AuthMode.OIDC, groups=(*row.groups, AUTHENTICATED)) if row.user else None
    assert caller_of(row.claims, names) == expected


async def test_a_rotated_key_is_found_and_an_old_one_ends(door: Door) -> None:
    old = door.token()
    assert await door.scheme.caller(old) == ANN
    door.issuer.keys = [public_jwk("ES256", "k2", name="second")]
    door.clock.now += PAUSE
    token = door.token(kid="k2", name="second")
    assert await door.scheme.caller(token) == ANN
    assert (door.scheme.recall(key_of(old)), await door.scheme.caller(old)) == (None, None), "the key was taken back"
    assert door.scheme.recall(key_of(token)) == ANN
    door.clock.now += FRESH + 1
    assert door.scheme.recall(key_of(token)) is None, "the keys are too old to trust"


async def test_tokens_with_unknown_keys_do_not_flood_the_issuer(door: Door) -> None:
    assert await door.scheme.caller(door.token()) == ANN
    for number in range(50):
        assert await door.scheme.caller(door.token(kid=f"x{number}")) is None
    assert door.issuer.asked.count("/keys") == 1
    door.clock.now += PAUSE
    answers = await asyncio.gather(*(door.scheme.caller(door.token(kid=f"y{number}")) for number in range(50)))
    assert (set(answers), door.issuer.asked.count("/keys")) == ({None}, 2)


async def test_keys_stay_usable_while_the_issuer_is_away(door: Door) -> None:
    door.issuer.away = True
    with pytest.raises(Unavailable, match=r"keys cannot be read; see the log"):
        await door.scheme.caller(door.token())
    door.issuer.away = False
    with pytest.raises(Unavailable):
        await door.scheme.caller(door.token())
    door.clock.now += PAUSE
    assert await door.scheme.caller(door.token()) == ANN
    door.issuer.away = True
    for seconds in (FRESH + 1, 10 * FRESH, 1000 * FRESH):
        door.clock.now += seconds
        before = len(door.issuer.asked)
        for _ in range(5):
            assert await door.scheme.caller(door.token()) == ANN
            assert await door.keys.find("k9", "ES256") == (await door.keys.current(), None)
        assert len(door.issuer.asked) == before + 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"body": b"x" * (MOST_BYTES + 1)}, "more than 262144 bytes", id="keys without end"),
        pytest.param({"body": b"<html>"}, "not JSON", id="no JSON"),
        pytest.param({"body": b"[" * 100_000}, "not JSON", id="brackets"),
        pytest.param({"body": b"[]"}, "not a JSON object", id="no object"),
        pytest.param({"body": b"{}"}, "no list of keys", id="no keys"),
        pytest.param({"description": {"issuer": "https://x"}}, "of another issuer", id="of another issuer"),
        pytest.param({"description": {"jwks_uri": "http://example.com/"}}, "https://", id="keys by http"),
        pytest.param({"description": {"jwks_uri": "file:///etc/passwd"}}, "https://", id="keys in a file"),
        pytest.param({"away": True}, "answers with 503", id="away"),
        pytest.param({"moved": True}, "answers with 302", id="a redirect"),
    ],
)
async def test_unreadable_issuer_is_reported_in_one_sentence(
    issuer: Issuer, change: dict[str, Any], reason: str
) -> None:
    for name, value in change.items():
        setattr(issuer, name, value)
    with pytest.raises(KeysError, match=reason):
        signing_keys(await asyncio.to_thread(issuer_source(issuer.url, trust(issuer.ca))))


async def test_issuer_certificate_must_be_trusted(issuer: Issuer) -> None:
    with pytest.raises(KeysError, match="certificate verify failed"):
        await asyncio.to_thread(url_source(f"{issuer.url}/keys", trust(None)))
    assert await asyncio.to_thread(url_source(f"{issuer.url}/keys", trust(issuer.ca))) == {"keys": issuer.keys}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"alg": "HS256"}, id="of an HMAC"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="a secret"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}, id="a secret of an HMAC"),
        pytest.param({"kty": ["EC"]}, id="a type that is a list"),
        pytest.param({"d": "AQAB"}, id="a private one"),
        pytest.param({"use": "enc"}, id="for encryption"),
        pytest.param({"key_ops": ["sign"]}, id="for signing"),
        pytest.param({"kid": 7}, id="a kid that is a number"),
        pytest.param({"kid": ["k"]}, id="a kid that is a list"),
        pytest.param({"alg": ["ES256"]}, id="an algorithm that is a list"),
        pytest.param({"crv": "secp256k1"}, id="another curve"),
        pytest.param({"x": "AAAA"}, id="no point"),
        pytest.param({"x": None}, id="half a point"),
        pytest.param({"kty": "RSA", "alg": "RS256", "n": "AQAB", "e": "AQAB"}, id="a short one"),
    ],
)
def test_a_key_that_is_not_for_signatures_is_left_out(change: dict[str, Any]) -> None:
    odd, good = public_jwk("ES256", "k1") | change, public_jwk("ES256", "k2")
    kept = read_keys(signing_keys({"keys": [odd, good, "x"]}))
    assert [key.key_id for key in kept.keys] == ["k2"]
    with pytest.raises(KeysError, match="no public key"):
        read_keys(signing_keys({"keys": [odd]}))


@pytest.mark.parametrize(("keys", "found"), [(["k1"], True), (["k1", "k2"], False)], ids=["the only key", "two keys"])
async def test_a_token_without_a_kid_needs_the_only_key(door: Door, keys: list[str], found: bool) -> None:
    door.issuer.keys = [*(public_jwk("ES256", kid) for kid in keys), public_jwk("RS256", "k3")]
    assert (await door.scheme.caller(door.token(kid=None)) is not None) == found


async def test_callers_wait_for_one_look_and_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dkron_api.auth.issuer_keys.SECONDS", 0.01)
    answers, looks = threading.Event(), 0

    def load() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        answers.wait(timeout=60)
        return {"keys": [public_jwk("ES256", "k1")]}

    keys = IssuerKeys("https://i", load, fresh=FRESH, pause=PAUSE)
    try:
        told = await asyncio.gather(*(keys.current() for _ in range(20)), return_exceptions=True)
        looking = [each for each in asyncio.all_tasks() if each.get_name() == "keys of the issuer"]
    finally:
        answers.set()
    assert ({type(each) for each in told}, len(looking)) == ({Unavailable}, 1)
    monkeypatch.setattr("dkron_api.auth.issuer_keys.SECONDS", 60)
    assert ((await keys.find("k1", "ES256"))[1] is not None, looks) == (True, 1)


async def test_a_file_of_keys_is_read_again_when_it_changes(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "keys.json"
    keys = IssuerKeys("https://i", file_source(file), fresh=1.0, pause=1.0)

    async def known() -> list[str]:
        await keys.find("", "ES256")
        return [kid for kid in ("k1", "k2") if (await keys.find(kid, "ES256"))[1]]

    def write(*jwks: dict[str, Any]) -> None:
        other = tmp_path / "other"
        other.write_text(json.dumps({"keys": jwks}))
        other.replace(file)
        clock.now += 1.0

    with pytest.raises(Unavailable, match="keys cannot be read"):
        await keys.current()
    write(public_jwk("ES256", "k1"))
    assert await known() == ["k1"]
    before = await keys.current()
    write(public_jwk("ES256", "k1"))
    assert (await known(), await keys.current()) == (["k1"], before), "the same keys"
    write(public_jwk("ES256", "k2"))
    assert await known() == ["k2"]
    file.write_text("{")
    clock.now += 1.0
    assert await known() == ["k2"]


async def test_the_first_scheme_that_takes_a_token_decides(door: Door) -> None:
    class Cluster:
        how = AuthMode.KUBERNETES
        audiences = ("dkron", "cron")

        def takes(self, _: str) -> bool:
            return True

        def recall(self, *_: Any) -> None:
            """No token was seen before."""

        async def caller(self, token: str, _: str) -> Caller | None:
            if token == "unknown":  # noqa: S105
                return None
            return Caller(f"cluster:{len(token)}", AuthMode.KUBERNETES)

    guard = Guard([door.scheme, cast("Any", Cluster())])

    async def who(token: str) -> str:
        try:
            return (await guard.identify({"Authorization": f"Bearer {token}"})).how
        except ApiError as error:
            return f"{error.status} {error}"

    invalid = "401 the token is not valid, has expired, or is not for the audience"
    assert await who(door.token()) == AuthMode.OIDC
    assert await who(door.token(exp=1)) == f"{invalid} other or {AUDIENCE}", "the cluster is not asked"
    assert await who("unknown") == f"{invalid} dkron or cron"
    for odd in ("a b", "a\x07b", "ä", "x" * (LONGEST_TOKEN + 1)):
        assert await who(odd) == "401 the token is not valid, or has expired", "the cluster is not asked"
    assert await who(door.token(iss="https://kubernetes.default.svc")) == AuthMode.KUBERNETES
    assert await who("opaque") == AuthMode.KUBERNETES


async def test_an_open_answer_ends_when_its_token_expires(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dkron_api.auth.guard.AGAIN", 0.01)
    headers, never = {"Authorization": f"Bearer {door.token(exp=NOW + 60)}"}, asyncio.Event()
    guard = Guard([door.scheme])
    grant = Grant(guard, await guard.identify(headers), Namespaces("team", "home"), headers)
    async with asyncio.timeout(20), grant.as_long_as_allowed(NEED):
        door.clock.now += 60 + LEEWAY
        await never.wait()


class Answers:
    """A guard that gives these answers, one after another. `all_given` is set with the last."""

    asks = True

    def __init__(self, *answers: bool | HTTPStatus) -> None:
        self._answers, self.all_given = list(answers), asyncio.Event()

    async def identify(self, *_: object) -> Caller:
        return ANN

    async def allows(self, *_: object) -> bool:
        answer = self._answers.pop(0) if self._answers else True
        if not self._answers:
            self.all_given.set()
        if isinstance(answer, bool):
            return answer
        raise ApiError(answer, "")


@pytest.mark.parametrize(
    ("answers", "goes_on"),
    [
        pytest.param((True, True, True), True, id="the right stays"),
        pytest.param((True, False, True), False, id="the right goes"),
        pytest.param((True, HTTPStatus.FORBIDDEN, True), False, id="the caller goes"),
        pytest.param((True, HTTPStatus.SERVICE_UNAVAILABLE, True), True, id="the API server does not answer"),
    ],
)
async def test_open_answer_goes_on_as_long_as_it_is_allowed(
    answers: tuple[bool | HTTPStatus, ...], goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dkron_api.auth.guard.AGAIN", 0.01)
    guard, went_on = Answers(*answers), False
    grant = Grant(cast("Guard", guard), ANN, Namespaces("team", "home"), {})
    async with asyncio.timeout(20), grant.as_long_as_allowed(NEED):
        await guard.all_given.wait()
        went_on = True
    assert went_on is goes_on


async def test_a_token_is_not_kept(door: Door) -> None:
    guard, authorization = Guard([door.scheme]), f"Bearer {door.token()}"
    before = sys.getrefcount(authorization)
    assert [await guard.identify({"Authorization": authorization}) for _ in range(3)] == [ANN] * 3
    assert sys.getrefcount(authorization) == before


async def test_settings_lead_to_a_scheme(issuer: Issuer) -> None:
    settings = Settings(
        auth=[AuthMode.OIDC], oidc_issuer=issuer.url, oidc_audience=[AUDIENCE], oidc_ca=issuer.ca, oidc_rights="dkron",
        oidc_policies_claim="dkron", oidc_jwks=f"{issuer.url}/keys",
    )  # fmt: skip
    scheme = oidc_scheme(settings, cast("Any", None), cast("Any", None), clock=lambda: NOW)
    caller = await scheme.caller(signed(issuer.claims(NOW, dkron=["readers"])))
    assert caller is not None
    assert (caller.name, caller.policies, issuer.asked) == (f"{issuer.url}#ann", ("readers",), ["/keys"])


NEEDED = ("--auth", "oidc", "--oidc-issuer", "https://i", "--oidc-audience", "a")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("--auth", "oidc"), "--auth oidc needs --oidc-issuer and --oidc-audience", id="nothing"),
        pytest.param(NEEDED[:4], "--auth oidc needs --oidc-issuer and --oidc-audience", id="no audience"),
        pytest.param((*NEEDED[:3], "http://i", *NEEDED[4:]), "--oidc-issuer: must be a URL that begins", id="http"),
        pytest.param((*NEEDED, "--oidc-jwks", "http://i/keys"), "--oidc-jwks: must begin with https://", id="keys"),
        pytest.param((*NEEDED, "--oidc-rights", "dkron"), "needs --oidc-policies-claim", id="no claim of policies"),
        pytest.param(("--auth", "oidc,none"), "--auth: use one or more of", id="and none"),
        pytest.param(("--auth", "ldap"), "--auth: use one or more of", id="unknown"),
        pytest.param(("--tls-cert", "x"), "--tls-cert and --tls-key need each other", id="half a pair"),
        pytest.param(("--trusted-proxies", "x"), "--trusted-proxies.0: value is not a valid IPv4", id="no network"),
        pytest.param((*NEEDED, "--help"), "--auth list[{kubernetes,dkron,oidc,none}]", id="help"),
        pytest.param(("--auth", "KUBERNETES,oidc", *NEEDED[2:]), "", id="in any case"),
        pytest.param((*NEEDED[:3], "http://localhost:1", *NEEDED[4:]), "", id="http of the loopback"),
    ],
)
def test_contradicting_options_are_refused_in_one_sentence(
    arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dkron-api", *arguments])
    if not sentence:
        assert AuthMode.OIDC in options("dkron-api", Settings).auth
        return
    with pytest.raises(SystemExit) as ended:
        options("dkron-api", Settings)
    out, err = capsys.readouterr()
    assert (ended.value.code, sentence in out + err) == (0 if "--help" in arguments else USAGE, True), out + err
    assert err.count("\n") <= 1
