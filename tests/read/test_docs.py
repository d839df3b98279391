"""docs/data.md names what the code knows."""

from pathlib import Path

import pytest

from foveal.images import IMAGE_SUFFIXES, MAX_PIXELS
from foveal.read import READERS
from foveal.read.csv_table import GROUP_COLUMNS, LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS
from foveal.read.names import SPLIT_NAMES

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.parametrize(
    "names",
    [READERS, PATH_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, GROUP_COLUMNS, SPLIT_NAMES],
    ids=["formats", "path", "label", "split", "group", "splits"],
)
def test_every_name_is_documented(names: list[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}" not in text] == []


def test_suffixes_and_the_pixel_cap_are_documented() -> None:
    words = set(PAGE.read_text(encoding="utf-8").replace("`", " ").split())
    assert words >= IMAGE_SUFFIXES
    assert f"At most {MAX_PIXELS // 10**6} million pixels" in PAGE.read_text(encoding="utf-8")
