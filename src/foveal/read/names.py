"""Names in data sets: natural order, the words for splits, lists of problems, and the lines of text files."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from foveal.errors import DataError
from foveal.types import Split

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What a folder or a cell may be called, in any letter case."""

JUNK = {"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"}
"""What systems leave behind in folders and archives, in lower case."""

SHOWN = 20


def split_of(name: str) -> Split | None:
    """The split that a folder or cell of this name stands for; None where it is no split's name."""
    return SPLIT_NAMES.get(name.strip().casefold())


def folder_splits(paths: Iterable[str]) -> dict[str, Split]:
    """Each path's split, where all begin with folders named like splits, of two splits or more; else empty."""
    found = {path: split_of(path.split("/")[0]) if "/" in path else None for path in paths}
    known = {path: split for path, split in found.items() if split is not None}
    return known if len(known) == len(found) and len(set(known.values())) > 1 else {}


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Sorts "img2" before "img10", without regard to letter case; the same on every system."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), name


def natural_sorted(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in natural order."""
    return tuple(sorted(set(names), key=natural_key))


def listed(names: Sequence[str], *, shown: int = 5) -> str:
    """'a, b, c and 9 more'."""
    if len(names) <= shown:
        return ", ".join(names)
    return ", ".join(names[:shown]) + f" and {len(names) - shown} more"


def text_of(file: Path, *, name: str | None = None) -> str:
    """What a UTF-8 file says, without a byte-order mark; `name` is what an error calls it, if not by its whole path.

    Raises DataError that finds the line where it is in another encoding.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise DataError(f"{name or file}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None


def read_lines(file: Path, *, name: str | None = None) -> list[str]:
    """The lines of `text_of`, without their ends; the last one is empty where the file ends in a line end."""
    return text_of(file, name=name).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def refuse(path: Path | str, problems: Sequence[str]) -> None:
    """Raises one DataError that lists up to 20 problems; does nothing where there are none."""
    if not problems:
        return
    if len(problems) == 1:
        raise DataError(f"{path}: {problems[0]}")
    lines = [f"  {problem}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"  … and {len(problems) - SHOWN} more")
    raise DataError(f"{path}: {len(problems)} problems:\n" + "\n".join(lines))
