"""Scrub: a secret in any of the forms in which it may come back."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_executors.scrub import MASK, Scrub

SECRET = 'pä"s\\s wörd/42'  # noqa: S105 - the one that the tests look for


def scrub(*secrets: str, values: tuple[str, ...] = ()) -> Scrub:
    return Scrub([*secrets, *values], secrets=secrets)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr(SECRET)[1:-1],
        re.sub("%..", lambda escape: escape[0].lower(), quote(SECRET, safe="")),
        quote(SECRET, safe="!'()*"),
        b64encode(SECRET.encode()).decode(),
        b64encode(SECRET.encode()).decode().rstrip("="),
        urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    assert scrub(SECRET).line(f"refused <{form}>") == f"refused <{MASK}>"
    assert scrub(SECRET).output(f"refused <{form}>".encode()) == f"refused <{MASK}>".encode()


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param(
            "amqp://bob:h4nd%40shake@mq:5672/", "login as bob with h4nd@shake refused", id="password of an address"
        ),
        pytest.param("https://hooks/T01/B02?key=abcdef", "404 for /T01/B02?key=abcdef", id="path of an address"),
        pytest.param("first-line\nsecond-line\n", "near second-line", id="a line of many"),
        pytest.param('["Authorization: Bearer t0ken"]', "refused Bearer t0ken", id="a header"),
        pytest.param('{"key": "t0ken"}', "refused t0ken", id="a text within JSON"),
    ],
)
def test_a_part_of_a_secret_is_found(secret: str, said: str) -> None:
    shown = scrub(secret).line(said)
    assert MASK in shown
    assert not any(part in shown for part in ("h4nd", "B02", "second-line", "t0ken"))


PAIR = "bob:h4nd@sh?ke>>"


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("https://bob:h4nd%40sh%3fke>>@host/", id="an address"),
        pytest.param(b64encode(PAIR.encode()).decode(), id="base64"),
        pytest.param(b64encode(PAIR.encode()).decode().rstrip("="), id="base64 without padding"),
        pytest.param(f"Basic {b64encode(PAIR.encode()).decode()}", id="the value of a header"),
        pytest.param(json.dumps([f"Authorization: Basic {b64encode(PAIR.encode()).decode()}"]), id="headers"),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        PAIR,
        "h4nd@sh?ke>>",
        "h4nd%40sh%3Fke%3E%3E",
        "h4nd%40sh%3fke%3e%3e",
        b64encode(PAIR.encode()).decode(),
        b64encode(PAIR.encode()).decode().rstrip("="),
        urlsafe_b64encode(PAIR.encode()).decode(),
        urlsafe_b64encode(PAIR.encode()).decode().rstrip("="),
    ],
)
def test_basic_authentication_credentials_are_masked(secret: str, said: str) -> None:
    assert scrub(secret).line(f"<{said}>") == f"<{MASK}>"
    assert scrub(secret).output(f"<{said}>".encode()) == f"<{MASK}>".encode()


def test_public_address_masks_its_password_in_basic_auth() -> None:
    found = scrub(values=("https://bob:hunter22@one:443/",)).line(f"Basic {b64encode(b'bob:hunter22').decode()}")
    assert found == f"Basic {MASK}"


def test_credentials_in_latin_1_are_masked() -> None:
    said = b64encode("bob:pässwört".encode("latin-1")).decode()
    assert scrub("https://bob:p%C3%A4ssw%C3%B6rt@host/").line(f"<{said}>") == f"<{MASK}>"


@given(
    st.text("é", max_size=4),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=9),
    st.sampled_from([b64encode, urlsafe_b64encode]),
)
def test_a_password_is_found_in_base64_after_any_user(user: str, password: str, encode: Callable[..., bytes]) -> None:
    said = encode((user + password).encode()).decode()
    shown = scrub(password).line(said)
    # At its ends, letters of base64 depend on other bytes, too: at most one on each side stays.
    kept = shown.partition(MASK)
    assert kept[1] == MASK, shown
    assert len(kept[0]) <= len(b64encode(user.encode())) + 1
    assert len(kept[2].rstrip("=")) <= 1


def test_words_of_a_passphrase_are_no_secrets() -> None:
    assert scrub("correct horse").line("a horse") == "a horse"


def test_password_in_a_public_address_is_masked() -> None:
    line = scrub(values=("nats://bob:hunter22@one:4222,nats://bob:hunter33@two:4222",)).line(
        "hunter22 hunter33 one two"
    )
    assert line == f"{MASK} {MASK} one two"


def test_a_longer_secret_hides_the_shorter_one_in_it() -> None:
    assert scrub("abcd", "abcdefgh").line("abcdefgh abcd") == f"{MASK} {MASK}"


def test_short_texts_are_no_secrets() -> None:
    assert scrub("", "a", "abc").output(b"abcabc") == b"abcabc"


def test_an_error_is_one_line() -> None:
    assert scrub().line("one\n  two\r\nthree\n") == "one two three"


@given(st.text(min_size=4).filter(lambda text: text.strip() == text and len(text.split()) == 1 and "*" not in text))
def test_no_secret_survives(secret: str) -> None:
    assert secret not in scrub(secret).line(f"begin {secret} end")


@given(st.text(st.characters(), max_size=20), st.sampled_from(["{}", '["{}: {}"]', "amqp://u:{}@h", "{}://u:{}@[h"]))
def test_nothing_makes_it_fail(text: str, form: str) -> None:
    secret = form.replace("{}", text)
    both = scrub(secret, values=(secret,))
    both.line(f"<{text}>").encode()
    both.output(b"\xff<\x00>")


def test_bytes_that_are_no_text_are_found() -> None:
    secret = b"s3cr3t-\xff\xfe".decode("utf-8", "surrogateescape")
    assert scrub(secret).output(b"<s3cr3t-\xff\xfe>") == b"<***>"
    assert scrub(secret).line(f"<{secret}>") == "<***>"
