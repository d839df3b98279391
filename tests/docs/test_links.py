"""Links between the pages lead somewhere, and the index leads to every page."""

import pytest
from tests.docs.pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    broken = []
    for target in links(PAGES[page]):
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def test_the_index_leads_to_every_page() -> None:
    listed = set(links(PAGES["docs/index.md"]))
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {"index.md"}
    assert pages - listed == set()


def test_the_index_leads_to_every_example() -> None:
    listed = set(links(PAGES["docs/index.md"]))
    assert {f"../examples/{path.name}" for path in (ROOT / "examples").glob("*.py")} - listed == set()
