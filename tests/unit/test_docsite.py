"""The site: links of files become links of pages, and nothing on it leads nowhere."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from docsite.built import external, problems, read, unreachable
from docsite.links import GUESTS, REPOSITORY, BrokenLink, destination, pages_of, with_folders

ROOT = Path(__file__).parents[2]
PAGES = pages_of(["jobs.md", "adr/README.md", "adr/0001-names.md", "runbooks/Down.md"])
KINDS = {"LICENSE": "blob", "examples/hello.yaml": "blob", "crds": "tree", "docs/shot.png": "blob"}


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        pytest.param("docs/jobs.md", "adr/0001-names.md", "adr/0001-names.md", id="a page in docs"),
        pytest.param("docs/adr/README.md", "../jobs.md#run-now", "../jobs.md#run-now", id="with an anchor"),
        pytest.param("docs/jobs.md", "../README.md", "index.md", id="a page from elsewhere"),
        pytest.param("README.md", "docs/jobs.md", "jobs.md", id="from a page from elsewhere"),
        pytest.param("examples/README.md", "../docs/adr/README.md", "adr/README.md", id="two folders away"),
        pytest.param("docs/runbooks/Down.md", "../../CONTRIBUTING.md#set-up", "../contributing.md#set-up", id="deeper"),
        pytest.param("docs/jobs.md", "../examples", "examples.md", id="a folder is its README"),
        pytest.param("docs/jobs.md", "../examples/", "examples.md", id="a folder with a slash"),
        pytest.param("docs/jobs.md", "../LICENSE", f"{REPOSITORY}/blob/main/LICENSE", id="a file of the repository"),
        pytest.param(
            "examples/README.md", "hello.yaml#L3", f"{REPOSITORY}/blob/main/examples/hello.yaml#L3", id="a line of it"
        ),
        pytest.param("docs/jobs.md", "../crds/", f"{REPOSITORY}/tree/main/crds", id="a folder of the repository"),
        pytest.param("docs/adr/README.md", "../shot.png", "../shot.png", id="a file of docs that is no page"),
        pytest.param("docs/jobs.md", "#run-now", "#run-now", id="only an anchor"),
        pytest.param("docs/jobs.md", "https://dkron.io/a.md", "https://dkron.io/a.md", id="elsewhere"),
        pytest.param("docs/jobs.md", "mailto:a@example.com", "mailto:a@example.com", id="a mail"),
    ],
)
def test_link_between_files_becomes_one_between_pages(source: str, link: str, expected: str) -> None:
    assert destination(link, source=source, pages=PAGES, kind=lambda path: KINDS.get(path, "")) == expected


@pytest.mark.parametrize("link", ["no.md", "../no.yaml", "../../etc/passwd", "/etc/passwd", "/docs/jobs.md"])
def test_link_to_a_missing_file_is_refused(link: str) -> None:
    with pytest.raises(BrokenLink, match=re.escape(f"docs/jobs.md has a link to {link}")):
        destination(link, source="docs/jobs.md", pages=PAGES)


def test_guest_pages_exist_and_shadow_no_page_of_docs() -> None:
    assert [source for source in GUESTS if not (ROOT / source).is_file()] == []
    assert [path for path in GUESTS.values() if (ROOT / "docs" / path).exists()] == []


def test_links_of_pages_outside_the_site_resolve() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *(ROOT / "charts").rglob("*.md")]}
    for source in files - GUESTS.keys():
        for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / source).read_text(encoding="utf-8")):
            destination(link, source=source, pages={**PAGES, source: "only-here.md"})


def test_folders_of_the_navigation_are_filled_in_order() -> None:
    documents = ["adr/0002-b.md", "adr/0001-a.md", "adr/README.md", "jobs.md"]
    filled = with_folders([{"Jobs": "jobs.md"}, {"Inside": ["adr/README.md", "adr/0*.md"]}], documents)
    assert filled == [{"Jobs": "jobs.md"}, {"Inside": ["adr/README.md", "adr/0001-a.md", "adr/0002-b.md"]}]
    with pytest.raises(ValueError, match=r"runbooks/\*\.md fits no page"):
        with_folders(["runbooks/*.md"], documents)


def test_adr_numbers_match_their_files_and_the_index() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs/adr").glob("0*.md")):
        number = int(page.name[:4])
        number_and_title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert number_and_title.startswith(f"{number}. "), page.name
        assert f"| [{number}]({page.name}) | {number_and_title.removeprefix(f'{number}. ')} |\n" in listed


def complaints(html: str, *others: str) -> list[str]:
    pages = {"a/index.html": read(html), "b/index.html": read('<h1 id="there">b</h1>')}
    return list(problems(pages, files={*pages, "index.html", "logo.png", *others}, site="https://me.example.org/base/"))


def test_a_good_page_has_no_problems() -> None:
    page = """<a href="../b/#there"></a><a href="/base/b/"></a><a href=".."></a><a href="../b/index.html"></a>
        <a href="https://me.example.org/base/b/#there"></a><a href="https://example.org/not/asked"></a>
        <a href="#here"></a><p id="here"></p><img src="../logo.png"><link rel="canonical" href="https://example.org/a/">
        <p>a - b, <code>- c</code> and\n<code>| d</code></p>"""
    assert complaints(page) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="../c/">', "a/index.html: ../c/ leads nowhere"),
        ('<a href="b/">', "a/index.html: b/ leads nowhere"),
        ('<a href="/b/">', "a/index.html: /b/ leads nowhere"),
        ('<a href="../b/#none">', "a/index.html: ../b/#none leads to a missing anchor"),
        ('<a href="https://me.example.org/base/c/">', "a/index.html: https://me.example.org/base/c/ leads nowhere"),
        ('<a href="#none">', "a/index.html: #none leads to a missing anchor"),
        ('<img src="../no.png">', "a/index.html: ../no.png leads nowhere"),
        (
            '<script src="https://cdn.example.org/x.js">',
            "a/index.html: loads https://cdn.example.org/x.js from another host",
        ),
        (
            '<link rel="stylesheet" href="//fonts.example.org/x">',
            "a/index.html: loads //fonts.example.org/x from another host",
        ),
        ("<p>first\n- second</p>", "a/index.html: unsupported Markdown: - second"),
        ("<p>| a | b |\n| --- |</p>", "a/index.html: unsupported Markdown: | a | b |"),
    ],
    ids=lambda text: text if text.startswith("<") else "wrong",
)
def test_mistake_on_a_page_is_reported(html: str, expected: str) -> None:
    assert [complaint[: len(expected)] for complaint in complaints(html)][:1] == [expected]


def test_addresses_elsewhere_are_collected_once() -> None:
    page = read('<a href="https://a.org/x#1"></a><a href="https://a.org/x#2"></a><a href="../b/"></a>')
    assert external({"a/index.html": page}) == {"https://a.org/x": "a/index.html"}


async def test_unreachable_addresses_are_named_with_their_page() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.match_info["status"]))

    app = web.Application()
    app.router.add_get("/{status}", answer)
    async with TestServer(app) as server:
        good = {str(server.make_url(f"/{status}")): "a" for status in (200, 403, 429)}
        gone, dead = str(server.make_url("/404")), f"http://127.0.0.1:{unused_port()}/"
        wrong = await unreachable({**good, gone: "b", dead: "c"})
    assert wrong[0] == f"b: {gone}: 404"
    assert wrong[1].startswith(f"c: {dead}: Cannot connect")
    assert len(wrong) == 2


def test_build_fails_for_orphan_pages_and_broken_links(tmp_path: Path) -> None:
    """The whole of it, over a copy with mistakes: the real configuration, hook and theme."""
    for each in ("docs", "hack/docsite"):
        copytree(ROOT / each, tmp_path / each)
    for each in ("properdocs.yml", "LICENSE", *GUESTS):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_bytes((ROOT / each).read_bytes())
    (tmp_path / "docs/orphan.md").write_text("# Not in the navigation\n", encoding="utf-8")
    with (tmp_path / "docs/reliability.md").open("a", encoding="utf-8") as page:
        page.write("\n[a](../LICENCE) [b](jobs.md#none) [c](../CONTRIBUTING.md#none) [d](../LICENSE)\n")
    command = [sys.executable, "-m", "properdocs", "build"]
    built = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": "hack"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 1
    said = built.stderr + built.stdout
    assert "orphan.md" in said
    assert "docs/reliability.md has a link to ../LICENCE, which is not in the repository" in said
    assert "../LICENSE," not in said
    assert said.count("#none") >= 2
