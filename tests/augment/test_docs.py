"""The page on augmentation names every setting."""

import re
from dataclasses import fields
from pathlib import Path

from foveal.augment import AugmentSettings

PAGE = (Path(__file__).parents[2] / "docs" / "augmentation.md").read_text(encoding="utf-8")


def test_the_page_lists_every_setting_once_and_in_order() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    assert listed == [field.name for field in fields(AugmentSettings)]
