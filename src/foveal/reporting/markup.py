"""HTML elements that are safe by construction: text is escaped where it enters, and nowhere else."""

from collections.abc import Mapping
from html import escape

VOID = frozenset({"br", "circle", "col", "img", "line", "link", "meta", "path", "polyline", "rect"})
"""Elements written without content; SVG's are closed by a slash, which HTML reads as nothing."""

Attributes = Mapping[str, str | float]


class Html(str):
    """Markup that is already safe; every other string is text and gets escaped."""

    __slots__ = ()


def tag(name: str, attributes: Attributes | None = None, *children: str) -> Html:
    """One element; `Html` children stand as they are, other strings and attribute values are escaped."""
    pairs = "".join(f' {key}="{escape(_text(value))}"' for key, value in (attributes or {}).items())
    if name in VOID:
        assert not children
        return Html(f"<{name}{pairs}/>")
    return Html(f"<{name}{pairs}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """The children after each other, text escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"
