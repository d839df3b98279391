"""Entries of an index are imported when they are asked for."""

import sys

import pytest

from foveal.index import Index


def test_names_are_known_without_a_module_and_entries_are_what_stands_there() -> None:
    sys.modules.pop("colorsys", None)
    entries: Index[object] = Index({"pi": "math:pi", "turned": "colorsys:rgb_to_hsv", "missing": "math:nothing"})
    assert list(entries) == ["pi", "turned", "missing"]
    assert len(entries) == 3
    assert "pi" in entries
    assert "colorsys" not in sys.modules
    assert entries["pi"] == 3.141592653589793
    assert callable(entries["turned"])
    with pytest.raises(KeyError):
        entries["e"]
    with pytest.raises(AttributeError):
        entries["missing"]
