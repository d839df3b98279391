"""What the experiments share: images as tensors, a plain training loop, figures over seeds, tables and charts.

Each script here asks one question of small networks, answers it in numbers with their spread over seeds, and runs in
minutes on two cores. Without data it takes scikit-learn's bundled digits, in seconds: enough to see it work, too little
to believe.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Optimizer

from foveal import read_dataset
from foveal.annotations import ClassLabel
from foveal.feed.store import build_store
from foveal.preprocess import Preprocess
from foveal.read.arrays import from_arrays
from foveal.read.splits import assign_splits
from foveal.recipes.facts import probe
from foveal.reporting.chart import Frame, axes, line, log_ticks, svg, text, ticks
from foveal.reporting.markup import Html, tag
from foveal.types import Dataset, Sample

COLOURS = ("#2f6fa8", "#c04a22", "#b58a2a", "#4f8a54", "#7b5ea7", "#8f989f")


@dataclass(frozen=True, kw_only=True)
class Images:
    """A training and a test set in memory."""

    train: Tensor
    """(N, C, H, W) float32, standardised by the mean and spread of its pixels."""
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    num_classes: int

    @property
    def channels(self) -> int:
        return self.train.shape[1]

    def first(self, train: int, test: int) -> "Images":
        """So many of each; both are in an order that a seed has drawn."""
        return Images(
            train=self.train[:train],
            train_labels=self.train_labels[:train],
            test=self.test[:test],
            test_labels=self.test_labels[:test],
            num_classes=self.num_classes,
        )

    def for_choices(self, share: float) -> "Images":
        """To choose settings with: the last `share` of the training images are the test, the others are learned from.

        The test images themselves are in neither.
        """
        kept = len(self.train) - round(share * len(self.train))
        return replace(
            self,
            train=self.train[:kept],
            train_labels=self.train_labels[:kept],
            test=self.train[kept:],
            test_labels=self.train_labels[kept:],
        )


SMALL_SIDE, PHOTOGRAPH_SIDE = 28, 98


def load(data: Path | None, *, side: int | None = None) -> Images:
    """The images of a data set at one size, in a drawn order; of the bundled digits where `data` is None.

    side: in pixels; where it is not given, 28 for small images and 98 for photographs.
    """
    dataset = bundled() if data is None else read_dataset(data)
    dataset = assign_splits(dataset, val_share=0.0, test_share=0.2, seed=0)
    facts = probe(dataset.of_split("train"), len(dataset.classes))
    side = side or (SMALL_SIDE if facts.side < 64 else PHOTOGRAPH_SIDE)
    channels = facts.channels
    preprocess = Preprocess(
        size_hw=(side, side), channels=channels, fit="squash", mean=(0.0,) * channels, std=(1.0,) * channels
    )
    splits = []
    for split in ("train", "test"):
        samples = dataset.of_split(split)
        order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))
        splits += pixels([samples[index] for index in order.tolist()], preprocess)
    train, train_labels, test, test_labels = splits
    low, spread = train.mean(), train.std()
    return Images(
        train=(train - low) / spread,
        train_labels=train_labels,
        test=(test - low) / spread,
        test_labels=test_labels,
        num_classes=len(dataset.classes),
    )


def bundled() -> Dataset:
    """1,797 digits of 8×8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return from_arrays(np.round(digits.images / 16 * 255).astype(np.uint8), digits.target, name="digits")


def pixels(samples: Sequence[Sample], preprocess: Preprocess) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) float32 in 0..1 and labels (N,)."""
    store = build_store(samples, preprocess, on_bad_image="error")
    images = store.gather(torch.arange(len(store))).contiguous().float() / 255
    return images, torch.tensor([sample.known(ClassLabel).index for sample in store.samples])


def batches(images: Images, *, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, in a new order each epoch."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(images.train), generator=generator).split(size):
            if len(rows) == min(size, len(images.train)):
                yield images.train[rows], images.train_labels[rows]


def train(
    network: nn.Module,
    images: Images,
    *,
    optimiser: Optimizer,
    steps: int,
    seed: int,
    batch_size: int = 128,
    loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
    rate: Callable[[float], float] = lambda done: 1.0,
    augment: Callable[[Tensor], Tensor] = lambda batch: batch,
) -> Iterator[float]:
    """The loss of each step, as it is taken. `rate` gives the learning rate's factor by the share of steps done."""
    peaks = [group["lr"] for group in optimiser.param_groups]
    for step, (inputs, labels) in zip(range(steps), batches(images, size=batch_size, seed=seed), strict=False):
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * rate(step / steps)
        network.train()
        optimiser.zero_grad()
        value = loss(network(augment(inputs)), labels)
        value.backward()
        optimiser.step()
        yield round(value.item(), 5)


def to_zero(done: float) -> float:
    """A learning rate's factor that falls evenly over the last half."""
    return min(1.0, 2 * (1 - done))


def up_and_down(done: float) -> float:
    """The same, and rising over the first tenth."""
    return min(10 * done + 0.01, to_zero(done))


def by_points(losses: Sequence[float], every: int) -> list[float]:
    """The mean over each so many steps."""
    return [mean(losses[start : start + every]) for start in range(0, len(losses), every)]


@torch.no_grad()
def accuracy(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Share of the images whose strongest output is their class."""
    network.eval()
    right = sum(
        int((network(part).argmax(dim=1) == truth).sum())
        for part, truth in zip(inputs.split(1000), labels.split(1000), strict=True)
    )
    return right / len(labels)


def spread(values: Sequence[float], digits: int = 4) -> str:
    """The mean over seeds, and the standard deviation between them."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


SHEET = {"width": 640, "height": 360, "top": 64}
"""Of a chart, in pixels, with its title and key above."""
Lines = Mapping[str, Sequence[tuple[float, float]]]
"""Points (x, y) by the line's name."""


def chart(
    lines: Lines,
    *,
    title: str,
    across: str,
    log_x: bool = False,
    log_y: bool = False,
    y: tuple[float, float] | None = None,
) -> str:
    """An SVG file of lines through (x, y), legible on light and dark pages."""
    frame = Frame(x=_ends(lines, 0), y=y or _ends(lines, 1), log_x=log_x, log_y=log_y, left=58, **SHEET)
    return _sheet(title, [(frame, across, lines)])


def chart_pair(left: Lines, right: Lines, *, title: str, across: tuple[str, str]) -> str:
    """The same for two panels side by side: lines of the same names, over the same y."""
    low, high = zip(_ends(left, 1), _ends(right, 1), strict=True)
    y = (min(low), max(high))
    frames = (
        Frame(x=_ends(left, 0), y=y, left=58, right=330, **SHEET),
        Frame(x=_ends(right, 0), y=y, left=374, **SHEET),
    )
    return _sheet(title, list(zip(frames, across, (left, right), strict=True)))


def _ends(lines: Lines, axis: int) -> tuple[float, float]:
    """The least and the greatest x (axis 0) or y (1)."""
    values = [point[axis] for each in lines.values() for point in each]
    return min(values), max(values)


def _sheet(title: str, panels: Sequence[tuple[Frame, str, Lines]]) -> str:
    """Panels (frame, what is across, lines) under one title and one key."""
    drawn: list[Html] = []
    for frame, across, _ in panels:
        marks_x = log_ticks(*frame.x) if frame.log_x else ticks(*frame.x)
        marks_y = log_ticks(*frame.y) if frame.log_y else ticks(*frame.y)
        drawn.append(axes(frame, marks_x, marks_y, x_title=across))
    drawn.append(text(0, 16, title, "start", "title"))
    place = 0.0
    for number, name in enumerate(panels[0][2]):
        drawn += [line(frame, lines[name], f"c{number}") for frame, _, lines in panels]
        drawn.append(text(place + 22, 42, name, "start", "key"))
        drawn.append(tag("line", {"class": f"line c{number}", "x1": place, "x2": place + 16, "y1": 38, "y2": 38}))
        place += 34 + 7.2 * len(name)
    colours = " ".join(f".c{number}{{stroke:{colour}}}" for number, colour in enumerate(COLOURS))
    style = (
        "text{font:13px sans-serif;fill:#5d656e}.title{font-weight:bold;font-size:15px}.line{fill:none;stroke-width:2}"
        f".grid,.tick,.base{{stroke:#8886}}{colours}"
    )
    drawing = svg(SHEET["width"], SHEET["height"], title, tag("style", None, Html(style)), *drawn)
    return drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="640" ', 1)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a script found."""

    name: str
    table: str
    figures: object
    """Every value behind the table, in plain values."""
    chart: str | None = None
    picture: Image.Image | None = None

    def save(self, out: Path) -> None:
        """Writes NAME.md and NAME.json into a folder, and NAME.svg or NAME.jpg."""
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{self.name}.md").write_text(self.table + "\n", encoding="utf-8")
        (out / f"{self.name}.json").write_text(json.dumps(self.figures, indent=1) + "\n", encoding="utf-8")
        if self.chart is not None:
            (out / f"{self.name}.svg").write_text(self.chart + "\n", encoding="utf-8")
        if self.picture is not None:
            self.picture.save(out / f"{self.name}.jpg", quality=88)


def main(answer: Callable[..., Answer], description: str) -> None:
    """A script's command line: `python SCRIPT [DATA] [--out FOLDER] [--seeds N]`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help="a data set; the bundled digits where none is given")
    parser.add_argument("--out", type=Path, default=Path("fundamentals"), help="folder for table, chart and figures")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    found = answer(asked.data, seeds=asked.seeds)
    found.save(asked.out)
    print(found.table)
