"""Names in data sets: natural order, the words for splits, and lists of problems."""

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


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raises one DataError that lists up to 20 problems; does nothing where there are none."""
    if not problems:
        return
    if len(problems) == 1:
        raise DataError(f"{path}: {problems[0]}")
    lines = [f"  {problem}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"  … and {len(problems) - SHOWN} more")
    raise DataError(f"{path}: {len(problems)} problems:\n" + "\n".join(lines))
