"""The site made from docs/: pages that read well on a forge, too, and a check that every link leads somewhere."""
