"""Contenders in turns, A B A B …: each a whole process, timed from before its start until after its exit."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Row = dict[str, Any]
"""One run of one contender: "wall_seconds", "accuracy", "images_per_second_training" and what it adds."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that has succeeded."""

    wall_seconds: float
    output: str
    """Standard output."""


def whole_process(command: Sequence[object], **environment: str) -> Ended:
    """Runs a command to its end, `environment` over this process's own. Exits with its errors where it fails."""
    words = [str(word) for word in command]
    start = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **environment})
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Ended(wall_seconds=seconds, output=done.stdout)


def in_turns(contenders: Mapping[str, Callable[[], Row]], *, repetitions: int, images: int) -> Iterator[Row]:
    """The row of each run, as it ends: every contender once, then every contender again.

    A row gets "contender", "repetition" and "images_per_second": the `images` that a run learns from in all its epochs
    over the wall time of the whole process.
    """
    for repetition in range(repetitions):
        for name, run in contenders.items():
            row = {"contender": name, "repetition": repetition, **run()}
            row["images_per_second"] = images / row["wall_seconds"]
            print(
                f"{name}: {row['wall_seconds']:.1f} s, {row['images_per_second']:,.1f} images/s, "
                f"test accuracy {row['accuracy']:.4f}",
                flush=True,
            )
            yield row


def table(rows: Sequence[Row]) -> str:
    """Medians of each contender, and how many times as fast as it the first contender was, as lines of text.

    images/s are of the whole process, "in training" of its training epochs alone, without evaluations.
    """
    names = list(dict.fromkeys(row["contender"] for row in rows))
    width = max(len(name) for name in names)
    lines = [f"{'':{width}}  wall seconds   images/s  in training  accuracy  {names[0]} is faster by"]
    for name in names:
        seconds, rate, training, accuracy = (
            median(row[figure] for row in rows if row["contender"] == name)
            for figure in ("wall_seconds", "images_per_second", "images_per_second_training", "accuracy")
        )
        ratio = "" if name == names[0] else f"{faster(rows, names[0], name):.2f}"
        lines.append(
            f"{name:{width}}  {seconds:12.1f} {rate:10,.1f} {training:12,.1f} {accuracy:9.4f}  {ratio}".rstrip()
        )
    return "\n".join(lines)


def faster(rows: Sequence[Row], first: str, second: str) -> float:
    """How many times as fast as `second` `first` was: the median over repetitions of the ratio of their images/s.

    Both of a pair ran one after the other, so a machine that slows down slows both.
    """
    rates = {
        name: {row["repetition"]: row["images_per_second"] for row in rows if row["contender"] == name}
        for name in (first, second)
    }
    paired = rates[first].keys() & rates[second].keys()
    return median(rates[first][repetition] / rates[second][repetition] for repetition in paired)
