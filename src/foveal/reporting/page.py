"""The page around the parts: head, style, sections, figures and tables that fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foveal.reporting.markup import Html, join, tag

# The browser itself refuses every request and script, for any text in a class name.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page; an empty `short` leaves it out of the contents line."""

    anchor: str
    title: str
    short: str
    body: Html

    @property
    def html(self) -> Html:
        heading = tag("h2", {"id": f"{self.anchor}-title"}, self.title)
        return tag("section", {"id": self.anchor, "aria-labelledby": f"{self.anchor}-title"}, heading, self.body)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A table's column; `width` is CSS, and a column without one takes what is left."""

    title: str
    width: str = ""
    numeric: bool = False


Row = Sequence[str]
"""One cell a column; a cell is text or `Html`."""


def document(title: str, *body: Html) -> str:
    """The whole file."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        None,
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "color-scheme", "content": "light dark"}),
        tag("link", {"rel": "icon", "href": "data:,"}),  # else a browser asks a server for one
        tag("title", None, title),
        tag("style", None, Html(style)),
    )
    return f"<!doctype html>\n{tag('html', {'lang': 'en'}, head, tag('body', None, tag('main', None, *body)))}\n"


def contents(sections: Sequence[Section]) -> Html:
    """One line of links to the sections."""
    links = [tag("a", {"href": f"#{each.anchor}"}, each.short) for each in sections if each.short]
    return tag("nav", {"aria-label": "Contents"}, *links)


def note(*words: str) -> Html:
    """How to read what follows."""
    return tag("p", {"class": "note"}, *words)


def titled(title: str, *body: Html) -> Html:
    """A part of a section under its own small heading."""
    return tag("div", {"class": "part"}, tag("h3", None, title), *body)


def side_by_side(*parts: Html) -> Html:
    """Two columns where there is room, else one."""
    return tag("div", {"class": "pair"}, *parts)


def track(value: float, ends: tuple[float, float] | None) -> Html:
    """A scale from 0 to 1 with a mark at `value` and, where known, its interval as a band."""
    band = Html("")
    if ends is not None:
        low, high = (min(max(end, 0.0), 1.0) for end in ends)
        band = tag("i", {"style": f"left:{low:.2%};width:{high - low:.2%}"})
    mark = tag("b", {"style": f"left:{min(max(value, 0.0), 1.0):.2%}"})
    return tag("span", {"class": "track", "aria-hidden": "true"}, band, mark)


def table(columns: Sequence[Column], rows: Sequence[Row]) -> Html:
    """A table that scrolls by itself where the screen is too narrow. The first column heads its rows."""
    widths = [tag("col", {"style": f"width:{each.width}"} if each.width else None) for each in columns]
    heads = [tag("th", {"scope": "col", **_kind(each)}, each.title) for each in columns]
    lines = [tag("tr", None, *_cells(columns, row)) for row in rows]
    whole = tag(
        "table",
        None,
        tag("colgroup", None, *widths),
        tag("thead", None, tag("tr", None, *heads)),
        tag("tbody", None, *lines),
    )
    return tag("div", {"class": "scroll"}, whole)


def folded_table(columns: Sequence[Column], rows: Sequence[Row], *, most: int, others: str) -> Html:
    """The first `most` rows, and the rest behind a line that opens: "12 " + `others`."""
    if len(rows) <= most + 3:  # opening a fold for three rows is not worth a click
        return table(columns, rows)
    return join(table(columns, rows[:most]), fold(f"{len(rows) - most:,} {others}", table(columns, rows[most:])))


def fold(title: str, *body: Html) -> Html:
    """A line that opens to the body."""
    return tag("details", None, tag("summary", None, title), *body)


def _cells(columns: Sequence[Column], row: Row) -> list[Html]:
    assert len(row) == len(columns)
    first, *others = row
    cells = [tag("th", {"scope": "row", **_kind(columns[0])}, first)]
    return cells + [tag("td", _kind(each), cell) for each, cell in zip(columns[1:], others, strict=True)]


def _kind(column: Column) -> dict[str, str]:
    return {"class": "number"} if column.numeric else {}
