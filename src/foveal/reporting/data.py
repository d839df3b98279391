"""The data: images by class and split, and the files that were left out."""

from collections.abc import Mapping, Sequence

from foveal.reporting.headline import SPLITS
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Row, Section, fold, folded_table, note, table, titled
from foveal.reporting.words import things

MOST_ROWS = 40
FEW_FILES, MOST_FILES = 12, 200
"""Names that stand open, and names that stand in the page at all."""


def data_section(data: Mapping) -> Section:
    """The section on what the network was given."""
    counts: Mapping[str, Mapping[str, int]] = data["counts"]
    size = data.get("size_hw")
    facts = [
        ("Format", data.get("format")),
        ("Input", f"{size[0]} × {size[1]} pixels, {things(data['channels'], 'channel')}" if size else None),
        ("Store", data.get("store")),
        ("Split", data.get("split_note")),
    ]
    rows = [(tag("dt", None, name), tag("dd", None, str(words))) for name, words in facts if words]
    body = join(
        tag("dl", {"class": "facts-list"}, *(cell for row in rows for cell in row)),
        tag(
            "div",
            {"class": "counts"},
            folded_table(_columns(counts), _rows(counts), most=MOST_ROWS, others="more classes"),
        ),
        *_files(data),
    )
    return Section(anchor="data", title="What it learned from", short="Data", body=body)


def _columns(counts: Mapping) -> list[Column]:
    splits = [Column(title=_key(split), width="6.6em", numeric=True) for split in counts]
    return [Column(title="class", width="32%"), *splits, Column(title="")]


def _rows(counts: Mapping[str, Mapping[str, int]]) -> list[Row]:
    classes = list(dict.fromkeys(name for split in counts.values() for name in split))
    largest = max((sum(split.get(name, 0) for split in counts.values()) for name in classes), default=0)
    rows: list[Row] = []
    for name in classes:
        numbers = {split: of_class.get(name, 0) for split, of_class in counts.items()}
        rows.append([name, *(f"{number:,}" for number in numbers.values()), _bar(numbers, largest)])
    totals = [sum(split.values()) for split in counts.values()]
    everything = tag("strong", None, "all classes")
    summed: Row = [everything, *(tag("strong", None, f"{total:,}") for total in totals), ""]
    return rows if len(rows) == 1 else [summed, *rows]


def _bar(numbers: Mapping[str, int], largest: int) -> Html:
    parts = [
        tag("i", {"class": f"split {_colour(split)}", "style": f"width:{number / max(largest, 1):.2%}"})
        for split, number in numbers.items()
    ]
    return tag("span", {"class": "bars", "aria-hidden": "true"}, *parts)


def _key(split: str) -> Html:
    return tag("span", {"class": f"swatch {_colour(split)}"}, SPLITS.get(split, split))


def _colour(split: str) -> str:
    return split if split in SPLITS else "other"


def _files(data: Mapping) -> list[Html]:
    skipped: Sequence[Mapping] = data.get("skipped") or []
    ignored: Sequence[str] = data.get("ignored") or []
    if not skipped and not ignored:
        return [note("Every file was used: none skipped, none ignored.")]
    parts = []
    if skipped:
        columns = [Column(title="image", width="50%"), Column(title="why")]
        rows = [(str(each["path"]), str(each["reason"])) for each in skipped[:MOST_FILES]]
        words = f"{things(len(skipped), 'image')} could not be decoded and took no part."
        listed = tag("div", {"class": "files"}, table(columns, rows))
        parts.append(titled("Skipped images", note(words), listed, *_more(skipped)))
    if ignored:
        names = tag("ul", {"class": "paths"}, *(tag("li", None, str(path)) for path in ignored[:MOST_FILES]))
        words = f"{things(len(ignored), 'file')} that are no images by their names or not the format's: never opened."
        parts.append(
            titled(
                "Ignored files",
                note(words),
                names if len(ignored) <= FEW_FILES else fold("Their names", names, *_more(ignored)),
            )
        )
    return parts


def _more(files: Sequence) -> list[Html]:
    return [note(f"And {len(files) - MOST_FILES:,} more.")] if len(files) > MOST_FILES else []
