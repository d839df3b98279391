"""Convolution as a bank of filters: what the stages of a trained network answer to, on real photographs.

    python examples/fundamentals/convolution.py PHOTOGRAPHS

Trains ResNet-18-D of half the channels, and asks of each stage, beside that of an untrained network: how well a linear
classifier tells the class from the channels' mean answers (Alain & Bengio 2016, arXiv:1610.01644), and how much of
these answers is left when a photograph is cut into tiles that change places, which keeps what is smaller than a tile.
The picture shows the kernels of the first convolution, and the places to which some channels answer the most (Zeiler &
Fergus 2013, arXiv:1311.2901, section 4.1, without their projection back). docs/convolution.md reads the figures.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from experiments import Answer, bundled, main, spread, table
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

import foveal
from foveal.annotations import ClassLabel
from foveal.bundle import load_bundle
from foveal.feed.inputs import to_input
from foveal.feed.store import Store, build_store
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess
from foveal.read.dataset import read_dataset
from foveal.read.splits import assign_splits
from foveal.types import Sample

MODEL, SIZE, TIME = "resnet18_d_half", 96, "150s"
STAGES = {"stage1": 16, "stage2": 28, "stage3": 48, "stage4": 84}
"""And the side in pixels of what is shown around a place; a cell sees more than that, most of it faintly."""
TILES = (4, 8)
"""A photograph is cut into so many rows and columns."""
LEARNED_FROM, TRIED_ON = 2_000, 1_000
"""Photographs of the linear classifier."""
BEST = 9
SHOWN, THUMB = 6, 48
"""Channels of a stage in the picture, and the side of a shown place there."""


def photographs(samples: Sequence[Sample], preprocess: Preprocess, *, number: int) -> tuple[Store, Tensor, np.ndarray]:
    """So many, drawn: decoded, as the network's input, and their classes."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))[:number].tolist()
    store = build_store([samples[index] for index in order], preprocess, on_bad_image="skip")
    inputs = to_input(preprocess, store.gather(torch.arange(len(store))))
    return store, inputs, np.array([sample.known(ClassLabel).index for sample in store.samples])


def in_tiles(inputs: Tensor, number: int) -> Tensor:
    """Each image cut into `number` rows and columns of tiles, which change places, in all images alike."""
    batch, channels, height, width = inputs.shape
    tall, wide = height // number, width // number
    tiles = inputs[:, :, : tall * number, : wide * number].reshape(batch, channels, number, tall, number, wide)
    order = torch.randperm(number * number, generator=torch.Generator().manual_seed(0))
    moved = tiles.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)[:, order].unflatten(1, (number, number))
    return moved.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, tall * number, wide * number)


@torch.no_grad()
def untrained(inputs: Tensor) -> nn.Module:
    """The same backbone as it is drawn, with norms that fit these images; those that start at 0 are opened."""
    backbone = build_backbone(MODEL, inputs.shape[1])
    for norm in backbone.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)
            norm.momentum = 1.0
    backbone(inputs[:256])
    return backbone.eval()


@torch.no_grad()
def mean_answers(backbone: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Of each stage (N, C): the mean of each channel over an image's places."""
    parts = [backbone(part) for part in inputs.split(64)]
    return {stage: torch.cat([features[stage].mean(dim=(2, 3)) for features in parts]) for stage in STAGES}


def class_told(learned: tuple[Tensor, np.ndarray], tried: tuple[Tensor, np.ndarray]) -> float:
    """Share of the second answers whose class a linear classifier tells that learned from the first ones."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))
    classifier.fit(learned[0].numpy(), learned[1])
    return float(classifier.score(tried[0].numpy(), tried[1]))


def alike(first: Tensor, second: Tensor) -> float:
    """The correlation over images of the same channel's answers, (N, C) each: the mean over the channels."""
    first, second = (answers - answers.mean(dim=0) for answers in (first, second))
    norms = (first.norm(dim=0) * second.norm(dim=0)).clamp(min=1e-9)
    return float(((first * second).sum(dim=0) / norms).mean())


@torch.no_grad()
def best_places(backbone: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Of each stage, by channel, the images (C, 9) with the highest answers, and where: (C, 9) rows and columns from 0
    to 1."""
    answers: dict[str, list[Tensor]] = {stage: [] for stage in STAGES}
    places: dict[str, list[Tensor]] = {stage: [] for stage in STAGES}
    for part in inputs.split(64):
        features = backbone(part)
        for stage in STAGES:
            value, place = features[stage].flatten(2).max(dim=2)
            answers[stage].append(value)
            places[stage].append(place)
    found = {}
    for stage in STAGES:
        height, width = features[stage].shape[2:]
        images = torch.cat(answers[stage]).topk(BEST, dim=0).indices.T  # (C, 9)
        place = torch.cat(places[stage]).T.gather(1, images)
        found[stage] = (images, (place // width + 0.5) / height, (place % width + 0.5) / width)
    return found


def cut_out(image_u8: np.ndarray, row: float, column: float, side: int) -> np.ndarray:
    """A square around a place, moved into the image."""
    height, width = image_u8.shape[:2]
    side = min(side, height, width)
    top = min(max(round(row * height - side / 2), 0), height - side)
    left = min(max(round(column * width - side / 2), 0), width - side)
    return image_u8[top : top + side, left : left + side]


def first_kernels(backbone: nn.Module) -> list[Image.Image]:
    """Of the first convolution: grey where a weight is 0, and each kernel's largest at an end of the scale."""
    weights = next(part for part in backbone.modules() if isinstance(part, nn.Conv2d)).weight.detach()
    shares = weights / weights.abs().amax(dim=(1, 2, 3), keepdim=True)
    pixels = (127.5 + 127.5 * shares).round().byte().permute(0, 2, 3, 1).squeeze(-1)
    return [Image.fromarray(kernel).convert("RGB") for kernel in pixels.numpy()]


def picture(backbone: nn.Module, store: Store, found: dict[str, tuple[Tensor, Tensor, Tensor]]) -> Image.Image:
    """The first kernels, and a row a stage, from the first on: nine places each of a few channels, evenly chosen."""
    gap = 10
    block = 3 * THUMB + gap
    top = THUMB + 2 * gap
    sheet = Image.new("RGB", (SHOWN * block - gap, top + len(STAGES) * block - gap), "white")
    kernels = first_kernels(backbone)
    for kernel, left in zip(kernels, np.linspace(0, sheet.width - THUMB, len(kernels)), strict=True):
        sheet.paste(kernel.resize((THUMB, THUMB), Image.Resampling.NEAREST), (round(left), 0))
    for down, (stage, side) in enumerate(STAGES.items()):
        images, rows, columns = found[stage]
        channels = np.linspace(0, len(images) - 1, SHOWN).round().astype(int).tolist()
        for across, channel in enumerate(channels):
            pixels = store.gather(images[channel]).permute(0, 2, 3, 1).numpy()
            wheres = zip(pixels, rows[channel].tolist(), columns[channel].tolist(), strict=True)
            for number, (image, row, column) in enumerate(wheres):
                shown = Image.fromarray(cut_out(image, row, column, side).squeeze()).convert("RGB")
                corner = (across * block + number % 3 * THUMB, top + down * block + number // 3 * THUMB)
                sheet.paste(shown.resize((THUMB, THUMB)), corner)
    return sheet


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """About 8 minutes on a few thousand photographs."""
    dataset = bundled() if data is None else read_dataset(data)
    dataset = assign_splits(dataset, val_share=0.1, test_share=0.2, seed=0)
    length = {"time": TIME, "size": SIZE} if data else {"epochs": 0.3, "size": 32}
    by_stage: dict[str, list[list[float]]] = {stage: [] for stage in STAGES}
    sheet = None
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = foveal.train(dataset, model=MODEL, seed=seed, out=Path(folder) / "run", **length)
            bundle = load_bundle(Path(run["model"]))
        preprocess = bundle.contract.preprocess
        _, learned, learned_classes = photographs(dataset.of_split("train"), preprocess, number=LEARNED_FROM)
        store, tried, classes = photographs(dataset.of_split("test"), preprocess, number=TRIED_ON)
        torch.manual_seed(seed)
        backbones = [bundle.network.eval().backbone, untrained(learned)]
        answers = [mean_answers(each, tried) for each in backbones]
        learned_answers = [mean_answers(each, learned) for each in backbones]
        moved = {number: [mean_answers(each, in_tiles(tried, number)) for each in backbones] for number in TILES}
        for stage, found in by_stage.items():
            told = [
                100 * class_told((first[stage], learned_classes), (second[stage], classes))
                for first, second in zip(learned_answers, answers, strict=True)
            ]
            left = [
                alike(whole[stage], cut[stage])
                for number in TILES
                for whole, cut in zip(answers, moved[number], strict=True)
            ]
            found.append([*told, *left])
        sheet = sheet or picture(backbones[0], store, best_places(backbones[0], tried))
    rows = []
    for stage, found in by_stage.items():
        told, told_untrained, *left = zip(*found, strict=True)
        rows.append([stage, spread(told, 1), spread(told_untrained, 1), *(spread(values, 2) for values in left)])
    head = ["stage", "class told, %", "untrained"]
    for number in TILES:
        head += [f"left in {number}×{number} tiles", "untrained"]
    return Answer(name="convolution", table=table(head, rows), picture=sheet, figures=by_stage)


if __name__ == "__main__":
    main(answer, __doc__)
