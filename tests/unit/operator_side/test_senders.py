"""Senders against real receivers on the loopback: what arrives, and what is said when it does not."""

import asyncio
import base64
import json
import logging
import os
import ssl
import stat
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from dkron_crds.receivers import Fluent, Header, MailServer, Source, Syslog, Tls
from dkron_kube.client import KubeClient
from dkron_kube.errors import Rejected
from dkron_kube.paths import SECRETS
from dkron_operator.delivery.file import BLOCK, SOON, Files, measured
from dkron_operator.delivery.fluent import send_record
from dkron_operator.delivery.http import Poster
from dkron_operator.delivery.mail import Mailer
from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_operator.delivery.secret_reader import KEPT, SecretReader
from dkron_operator.delivery.senders import Senders, write_line
from dkron_operator.delivery.syslog import send_entry
from dkron_operator.kit.clock import Clock
from dkron_processors.mails import mail as compose
from dkron_processors.message import Ended, Entry, File, Line, Mail, Post, Record, Refused
from tests.support.builders import NOON, execution
from tests.support.fake_kube import FakeKube
from tests.support.printed import MARK
from tests.support.receivers import (
    HOST,
    forward_server,
    mail_server,
    tcp_syslog,
    udp_syslog,
    unix_syslog,
    web_server,
)

SECRET_URL = Source.from_wire({"secretKeyRef": {"name": "hooks", "key": "url"}})
PASSWORD = Source.from_wire({"secretKeyRef": {"name": "hooks", "key": "password"}})


class Moment:
    """A monotonic clock in the hands of a test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def vault(clock: Moment | None = None, /, **values: str) -> tuple[SecretReader, FakeKube]:
    kube = FakeKube()
    data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    kube.put(SECRETS, {"metadata": {"name": "hooks"}, "data": data})
    return SecretReader(cast("KubeClient", kube), namespace="home", clock=clock or Moment()), kube


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for is a protocol's, which has no event
            await asyncio.sleep(0.01)


async def test_disallowed_message_is_refused_permanently(tmp_path: Path) -> None:
    client = cast("KubeClient", FakeKube())
    senders = Senders(client, namespace="home", output_dir=str(tmp_path), output_quota=1, clock=Clock(lambda: NOON))
    with pytest.raises(Undeliverable, match=r"^not to that channel$"):
        await senders.send(Refused("not to that channel"))
    with pytest.raises(Undeliverable, match="--output-quota"):
        await senders.send(File("a", "x.log", "text"))


# --- log -----------------------------------------------------------------------------------------------------------


async def test_a_line_is_one_record_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await write_line(Line({"message": "a\nb", "job_name": "backup"}, success=False))
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "dkron.output")
    assert record.__dict__["output"] == "a\nb"


# --- files ---------------------------------------------------------------------------------------------------------


async def test_a_file_is_written_and_replaced_as_a_whole(tmp_path: Path) -> None:
    files = Files(tmp_path)
    await files.write(File("default/a/b", "1-x.log", "one"))
    await files.write(File("default/a/b", "1-x.log", "two"))
    path = tmp_path / "default/a/b/1-x.log"
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 & ~_umask()
    assert [each.name for each in path.parent.iterdir()] == ["1-x.log"], "no draft is left"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


async def test_file_sender_replaces_links_and_stays_in_its_directory(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "default").symlink_to(elsewhere)
    with pytest.raises(Undeliverable, match=r"cannot write x\.log"):
        await Files(root).write(File("default", "x.log", "text"))
    victim = elsewhere / "victim"
    victim.write_text("safe")
    (root / "x.log").symlink_to(victim)
    await Files(root).write(File("", "x.log", "text"))
    assert (victim.read_text(), (root / "x.log").read_text()) == ("safe", "text")
    assert list(elsewhere.iterdir()) == [victim]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
async def test_a_name_that_cannot_be_is_refused_for_good(tmp_path: Path, name: str) -> None:
    with pytest.raises(Undeliverable):
        await Files(tmp_path).write(File("", name, "text"))
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is refused in a coroutine


@dataclass
class Room:
    """An output directory with room for three blocks in each namespace."""

    root: Path
    clock: Moment

    async def write(self, folder: str, name: str, size: int = 1) -> None:
        await self.files.write(File(folder, name, "x" * size))

    def __post_init__(self) -> None:
        self.files = Files(self.root, quota=3 * BLOCK, clock=self.clock)


async def test_a_namespace_has_its_room_and_no_more(tmp_path: Path) -> None:
    room = Room(tmp_path, Moment())
    for _ in range(5):
        await room.write("a", "1.log", BLOCK)
    with pytest.raises(Undeliverable, match=r"the folder a of .* no room for 12288 more bytes: --output-quota allows"):
        await room.write("a", "2.log", 2 * BLOCK + 1)
    await room.write("a", "2.log", 2 * BLOCK)
    with pytest.raises(Undeliverable, match="no room"):
        await room.write("a", "3.log")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["1.log", "2.log"]
    await room.write("b", "3.log")
    (tmp_path / "a" / "1.log").unlink()
    with pytest.raises(Undeliverable, match="no room"):
        await room.write("a", "3.log")
    room.clock.now = SOON + 1
    await room.write("a", "3.log")


async def test_files_and_folders_of_other_processes_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "old").write_text("x" * BLOCK)
    (tmp_path / "a" / "elsewhere").symlink_to("/")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert (measured(tmp_path / "a"), measured(tmp_path / "link"), measured(tmp_path / "none")) == (3 * BLOCK, 0, 0)
    room = Room(tmp_path, Moment())
    with pytest.raises(Undeliverable, match="no room"):
        await room.write("a", "1.log")
    with pytest.raises(Undeliverable, match="no room"):
        await room.write("b/1/2/3", "1.log")
    await room.write("b/1", "1.log")
    with pytest.raises(Undeliverable, match="no room"):
        await room.write("b/1", "2.log", BLOCK + 1)
    unlimited = Files(tmp_path)
    await unlimited.write(File("a", "2.log", "x" * 10 * BLOCK))


# --- syslog --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["udp", "unix", "tcp"])
async def test_an_entry_arrives_as_it_is(tmp_path: Path, kind: str) -> None:
    data = "<78>1 - - dkron - - - é\nwith lines\n".encode()
    servers: dict[str, Any] = {"udp": udp_syslog(), "tcp": tcp_syslog(), "unix": unix_syslog(tmp_path / "log")}
    async with servers[kind] as server:
        await send_entry(Entry(Syslog(address=server.address), data))
        await send_entry(Entry(Syslog(address=server.address), data * 100))
        await until(lambda: len(server.received) == 2)
    assert server.received == [data, data * 100]


async def test_a_port_that_is_none_is_refused_for_good() -> None:
    with pytest.raises(Undeliverable):
        await send_entry(Entry(Syslog(address="tcp://h:99999"), b"x"))


# --- fluent --------------------------------------------------------------------------------------------------------


def record(port: int) -> Record:
    return Record(
        Fluent(host=HOST, port=port, tag="jobs"), NOON + timedelta(seconds=1), {"message": "é", "n": None}, "c1"
    )


async def test_a_record_arrives_and_is_acknowledged() -> None:
    async with forward_server() as server:
        await send_record(record(server.port))
    assert server.received == [("jobs", int(NOON.timestamp()) + 1, {"message": "é", "n": None})]


@pytest.mark.parametrize("ack", [lambda _: "another", lambda _: None], ids=["another's", "none"])
async def test_unacknowledged_message_is_not_delivered(ack: Any) -> None:
    async with forward_server(ack) as server:
        with pytest.raises(Unreachable, match="acknowledge"):
            await send_record(record(server.port))


async def test_an_answer_that_cannot_be_read_is_not_quoted() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        # A text of three bytes that are not UTF-8.
        writer.write(b"\xa3s3\xff")
        writer.close()

    async with await asyncio.start_server(handle, HOST, 0) as server:
        with pytest.raises(Unreachable, match=r": its answer is not readable \(UnicodeDecodeError\)$"):
            await send_record(record(server.sockets[0].getsockname()[1]))


# --- mail ----------------------------------------------------------------------------------------------------------


def mail(port: int, *, tls: Tls = Tls.NONE, **server: Any) -> Mail:
    own = MailServer(name="default", host=HOST, port=port, tls=tls, sender="dkron@example.com", **server)
    return Mail(own, ("a@example.com", "b@example.com"), "Größe: failed", "körper\n.\nend\0", "id@dkron.io")


def mailer(**values: str) -> Mailer:
    return Mailer(vault(**values)[0], clock=Clock(lambda: NOON))


async def test_a_mail_arrives() -> None:
    async with mail_server() as server:
        await mailer().send(mail(server.port))
    (found,) = server.mails
    assert found["Subject"] == "Größe: failed"
    assert found["Message-ID"] == "<id@dkron.io>"
    assert found["From"] == "dkron@example.com"
    assert found.get_content().replace("\r\n", "\n") == "körper\n.\nend\ufffd\n"
    assert server.recipients == [["a@example.com", "b@example.com"]]


@pytest.mark.parametrize(
    ("patterns", "arrives", "refused"),
    [
        pytest.param([], "a@example.com b@evil.example", "", id="none: all"),
        pytest.param(["*@example.com"], "a@example.com", "b@evil.example", id="a domain"),
        pytest.param(["A@EXAMPLE.COM", "*@*.example"], "a@example.com b@evil.example", "", id="several, in any case"),
        pytest.param(["*@sub.example.com"], "", "a@example.com, b@evil.example", id="none of both"),
        pytest.param(["example.com"], "", "a@example.com, b@evil.example", id="a part is no match"),
    ],
)
async def test_mail_goes_only_to_allowed_addresses(patterns: list[str], arrives: str, refused: str) -> None:
    async with mail_server() as server:
        own = MailServer(name="default", host=HOST, port=server.port, tls=Tls.NONE, sender="d@b.c", recipients=patterns)
        ended = Ended(namespace="default", job="backup", execution=execution())
        sending = mailer().send(compose(own, ("a@example.com", "b@evil.example"), ended, purpose="email"))
        says = f"^mail server default sends nothing to {refused}: its recipients do not include it$"
        with pytest.raises(Undeliverable, match=says) if refused else nullcontext():
            await sending
    assert server.recipients == ([arrives.split()] if arrives else [])
    assert [mail["To"] for mail in server.mails] == ([arrives.replace(" ", ", ")] if arrives else [])


async def test_the_password_comes_from_the_secret() -> None:
    async with mail_server(account=("me", f"{MARK} horse")) as server:
        wanted = mail(server.port, username="me", password_from=PASSWORD)
        await mailer(password=f"{MARK} horse").send(wanted)
        with pytest.raises(Undeliverable, match="535") as caught:
            await mailer(password=f"{MARK} mule").send(wanted)
    assert len(server.mails) == 1
    assert MARK not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "problem", "says"),
    [
        pytest.param("451 s3cr3t", Unreachable, "451 error processing", id="later"),
        pytest.param("552 s3cr3t", Undeliverable, "552 storage exceeded", id="never"),
        pytest.param("599 s3cr3t", Undeliverable, "599", id="never, with a code of its own"),
        pytest.param("s3cr3t", Unreachable, "its reply is not SMTP", id="a reply of another protocol"),
    ],
)
async def test_mail_server_answer_decides_on_retry_and_is_not_quoted(
    answer: str, problem: type[Exception], says: str
) -> None:
    async with mail_server(lambda _: answer) as server:
        with pytest.raises(problem) as caught:
            await mailer().send(mail(server.port))
    assert str(caught.value) == f"mail server default: {says}"


async def test_server_without_tls_gets_nothing() -> None:
    async with mail_server() as server:
        with pytest.raises(Unreachable, match="mail server default: "):
            await mailer().send(mail(server.port, tls=Tls.STARTTLS))
    assert not server.mails


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_has_to_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with mail_server(tls=tls) as server:
        with nullcontext() if trusted else pytest.raises(Unreachable, match="certificate verify failed"):
            await mailer().send(mail(server.port, tls=Tls.STARTTLS))
    assert len(server.mails) == int(trusted)


# --- http ----------------------------------------------------------------------------------------------------------


async def post(post: Post, **values: str) -> None:
    poster = Poster(vault(**values)[0])
    try:
        await poster.send(post)
    finally:
        await poster.close()


async def test_a_post_arrives_with_headers_from_a_secret() -> None:
    headers = (Header(name="X-A", value="b"), Header(name="Authorization", value_from=PASSWORD))
    async with web_server() as server:
        await post(Post(b'{"a": 1}', url=f"{server.url}/hook?x=y", headers=headers), password=f"Bearer {MARK}\n")
    (found,) = server.requests
    assert (found.method, found.path, json.loads(found.body)) == ("POST", "/hook?x=y", {"a": 1})
    assert (found.headers["X-A"], found.headers["Authorization"]) == ("b", f"Bearer {MARK}")


async def test_a_path_is_added_and_an_account_is_named() -> None:
    account: Any = {"username": "me", "password_from": PASSWORD}
    async with web_server() as server:
        wanted = Post(b"{}", url=f"{server.url}/es/", path="/runs/_doc/1", method="PUT", **account)
        await post(wanted, password=MARK)
    (found,) = server.requests
    assert (found.method, found.path) == ("PUT", "/es/runs/_doc/1")
    assert found.headers["Authorization"] == "Basic " + base64.b64encode(f"me:{MARK}".encode()).decode()


@pytest.mark.parametrize(
    ("status", "problem", "says"),
    [
        pytest.param(500, Unreachable, "500 Internal Server Error", id="an error of its own"),
        pytest.param(429, Unreachable, "429 Too Many Requests", id="too busy"),
        pytest.param(400, Undeliverable, "400 Bad Request", id="refused"),
        pytest.param(404, Undeliverable, "404 Not Found", id="not there"),
        pytest.param(302, Undeliverable, "302 Found", id="a redirect"),
        pytest.param(499, Undeliverable, "499", id="a status of its own"),
    ],
)
async def test_http_answer_decides_on_retry_and_is_not_quoted(status: int, problem: type[Exception], says: str) -> None:
    async with web_server(lambda _: status) as server:
        server.headers["Location"] = f"{server.url}/elsewhere"
        with pytest.raises(problem) as caught:
            await post(Post(b"{}", url=server.url))
    assert str(caught.value) == f"it answered {says}", "not the body"
    assert len(server.requests) == 1, "no redirect is followed"


async def test_an_address_that_is_a_secret_is_in_no_sentence() -> None:
    wanted = Post(b"{}", url_from=SECRET_URL)
    for address in (f"http://{HOST}:1/T0/B0/token", "http://user:token@[::bad/", "token"):
        with pytest.raises((Unreachable, Undeliverable)) as caught:
            await post(wanted, url=address)
        assert "token" not in str(caught.value)
        assert caught.value.__cause__ is None


async def test_a_header_with_a_line_feed_is_refused_for_good() -> None:
    async with web_server() as server:
        wanted = Post(b"{}", url=server.url, headers=(Header(name="X-A", value_from=PASSWORD),))
        with pytest.raises(Undeliverable, match="header"):
            await post(wanted, password="a\nX-Evil: b")  # noqa: S106
    assert not server.requests


# --- secrets -------------------------------------------------------------------------------------------------------


async def test_secret_is_cached_briefly_and_then_read_again() -> None:
    clock = Moment()
    found, kube = vault(clock, url="one")
    assert [await found.value(SECRET_URL), await found.value(SECRET_URL)] == ["one", "one"]
    assert kube.calls == ["get secrets hooks"]
    kube.edit(SECRETS, "hooks", lambda body: body["data"].update(url=base64.b64encode(b"two").decode()))
    clock.now = KEPT
    assert await found.value(SECRET_URL) == "two"


async def test_missing_secret_is_named_and_may_follow() -> None:
    found, kube = vault(url="x")
    with pytest.raises(Unreachable, match="Secret home/hooks has no key password"):
        await found.value(PASSWORD)
    other = Source.from_wire({"secretKeyRef": {"name": "other", "key": "k"}})
    with pytest.raises(Unreachable, match="Secret home/other does not exist"):
        await found.value(other)
    kube.fail("get secrets", Rejected('secrets "other" is forbidden', status=403))
    with pytest.raises(Unreachable, match="forbidden"):
        await found.value(other)


# --- receivers that are not there ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("send", "says"),
    [
        pytest.param(lambda: send_entry(Entry(Syslog(address=f"tcp://{HOST}:1"), b"x")), "syslog at", id="syslog"),
        pytest.param(lambda: send_entry(Entry(Syslog(address="unix:///no/log"), b"x")), "syslog at", id="a socket"),
        pytest.param(lambda: send_record(record(1)), f"fluent at {HOST}:1: ", id="fluent"),
        pytest.param(lambda: mailer().send(mail(1)), "mail server default: ", id="a mail server"),
        pytest.param(lambda: Files(Path("/gone")).write(File("a", "x", "text")), "No such file", id="a directory"),
    ],
)
async def test_a_receiver_that_is_not_there_may_come_back(send: Callable[[], Awaitable[None]], says: str) -> None:
    with pytest.raises(Unreachable, match=says):
        await send()
