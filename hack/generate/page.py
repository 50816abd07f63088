"""A page of which a part is generated."""


def with_part(page: str, *, begin: str, end: str, part: str) -> str:
    """The page with this part between its marks. Raises ValueError for a page without them."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page must have the lines {begin.strip()} and {end.strip()} around the table")
    return f"{before}{begin}\n{part}\n\n{end}{after}"
