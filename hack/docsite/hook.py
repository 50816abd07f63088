"""What properdocs calls while it builds the site."""

import logging
from pathlib import Path
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString
from properdocs.config.defaults import ProperDocsConfig
from properdocs.exceptions import ConfigurationError
from properdocs.structure.files import File, Files
from properdocs.structure.pages import Page

from docsite.links import GUESTS, REPOSITORY, ROOT, BrokenLink, destination, pages_of, with_folders

log = logging.getLogger("properdocs.docsite")  # in strict mode a warning below "properdocs" fails the build
BEFORE_ITS_OWN = 1


class Links(Extension):
    """Turns links between files of the repository into links between pages, before properdocs looks at them."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, str] = {}
        self.source = ""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name is Markdown's
        """Called for each page."""
        md.treeprocessors.register(_Rewrite(self), "repository", BEFORE_ITS_OWN)

    def rewrite(self, element: Element, attribute: str) -> None:
        """Give the element the link that holds on the site, or warn."""
        link = element.get(attribute)
        if link is None:
            return
        try:
            element.set(attribute, destination(link, source=self.source, pages=self.pages))
        except BrokenLink as broken:
            log.warning("%s", broken)


class _Rewrite(Treeprocessor):
    def __init__(self, links: Links) -> None:
        super().__init__()
        self._links = links

    def run(self, root: Element) -> None:
        for tag, attribute in (("a", "href"), ("img", "src")):
            for element in root.iter(tag):
                self._links.rewrite(element, attribute)
        for cell in root.iter("td"):
            for code in cell.iter("code"):
                code.text = AtomicString((code.text or "").replace("\\|", "|"))  # a forge needs the backslash


_links = Links()


def on_config(config: ProperDocsConfig) -> ProperDocsConfig:
    """Fill in the folders of the navigation."""
    folder = Path(config.docs_dir)
    documents = [path.relative_to(folder).as_posix() for path in folder.rglob("*.md")]
    _links.pages = pages_of(documents)
    try:
        config.nav = with_folders(config.nav, documents)
    except ValueError as wrong:
        raise ConfigurationError(str(wrong)) from wrong
    if _links not in config.markdown_extensions:
        config.markdown_extensions.append(_links)
    return config


def on_files(files: Files, *, config: ProperDocsConfig) -> Files:
    """Add the pages that have their place outside of docs/."""
    for source, path in GUESTS.items():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Note whose links come next."""
    places = {path: source for source, path in _links.pages.items()}
    _links.source = places[page.file.src_uri]
    page.edit_url = f"{REPOSITORY}/blob/main/{_links.source}"
    return markdown
