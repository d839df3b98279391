"""Small data sets made on the spot: shapes that a network learns in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from foveal.answers import answering
from foveal.answers.answer import Answer
from foveal.bundle import task_of
from foveal.contract import Contract
from foveal.device import place
from foveal.feed.inputs import to_input
from foveal.feed.label_maps import label_maps_of
from foveal.feed.store import Store
from foveal.inference.engines.eager import build
from foveal.inference.engines.engine import Source
from foveal.inference.predictor import Model
from foveal.networks import NETWORKS
from foveal.networks.build import build_backbone
from foveal.preprocess import Placement, Preprocess
from foveal.read.arrays import from_arrays
from foveal.tasks.task import Task
from foveal.types import Dataset, Sample

SHAPES = ("bar", "disc", "ring")


def shape_images(count: int, *, side: int = 24, channels: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, side, side[, channels]) uint8 and labels (count,): bright bars, discs and rings on noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    labels = np.arange(count) % len(SHAPES)
    images = random.integers(0, 60, (count, side, side, channels), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = random.uniform(0.35, 0.65, 2) * side
        distance = np.hypot(rows - y, columns - x) / side
        shape = (np.abs(rows - y) < side / 10, distance < 0.25, np.abs(distance - 0.22) < 0.06)[label]
        image[shape] = random.integers(180, 255)
    return (images[..., 0] if channels == 1 else images), labels


def shapes(count: int = 90, *, side: int = 24, channels: int = 1, seed: int = 0) -> Dataset:
    """The shapes as a data set from arrays, without splits."""
    images, labels = shape_images(count, side=side, channels=channels, seed=seed)
    return from_arrays(images, labels, classes=SHAPES)


def shape_folder(folder: Path, *, count: int = 60, side: int = 24, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """The shapes as PNG files below SPLIT/CLASS/."""
    for position, split in enumerate(splits):
        images, labels = shape_images(count, side=side, channels=3, seed=position)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = folder / split / SHAPES[label] / f"{index:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


def store_of(samples: Sequence[Sample], preprocess: Preprocess) -> Store:
    """A store of samples whose pixels nobody asks for."""
    return Store(
        preprocess=preprocess,
        samples=tuple(samples),
        hashes=np.zeros(len(samples), np.uint64),
        skipped=(),
        description="made",
        gather=lambda indices: torch.zeros(len(indices), preprocess.channels, *preprocess.size_hw, dtype=torch.uint8),
        label_maps=label_maps_of(samples, preprocess, memory_allowance=2**30),
    )


def targets_of(task: Task, samples: Sequence[Sample], preprocess: Preprocess) -> Any:
    """The targets of all these samples."""
    return task.encode(store_of(samples, preprocess), torch.arange(len(samples)))


def answers_of(task: Task, outputs: Mapping[str, torch.Tensor], placements: Sequence[Placement]) -> Sequence[Answer]:
    """What the task answers of outputs as a network gives them."""
    arrays = {name: output.detach().numpy() for name, output in outputs.items()}
    return answering(task.name, task.classes, task.settings).decode(arrays, placements, task.decision)


def made_contract(architecture: str, size_hw: tuple[int, int], *, channels: int | None = None) -> Contract:
    """What a model file of three classes says, with the network's own channels where none are given."""
    channels = channels or NETWORKS[architecture].in_channels
    return Contract(
        architecture=architecture,
        task="classify",
        task_settings={},
        classes=("a", "b", "c"),
        preprocess=Preprocess(
            size_hw=size_hw,
            channels=channels,
            fit="squash",
            mean=tuple(0.4 + 0.05 * index for index in range(channels)),
            std=tuple(0.2 + 0.02 * index for index in range(channels)),
        ),
        chosen="the last",
        val={"accuracy": 0.5},
        mirrored=False,
        data={"counts": {}},
        recipe={},
    )


def lively_source(architecture: str, size_hw: tuple[int, int], *, task: str = "classify") -> Source:
    """A network that tells images apart as a trained one does: drawn weights, and statistics in its batch norms.

    A fresh one gives every image about the same logits: any engine would agree with it.
    """
    torch.manual_seed(0)
    contract = replace(made_contract(architecture, size_hw), task=task)
    channels = contract.preprocess.channels
    made = task_of(contract).learning.build(build_backbone(architecture, channels))
    network = place(made, torch.device("cpu"))
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
            module.momentum = None  # the statistics become those of the images below
    images = torch.randint(0, 256, (16, channels, *size_hw), dtype=torch.uint8)
    with torch.inference_mode():
        network.train()(to_input(contract.preprocess, images))
    return Source(contract=contract, network=network.eval(), device=torch.device("cpu"))


def tiny_model(
    task: str,
    *,
    preprocess: Preprocess,
    classes: tuple[str, ...] = ("a", "b", "c"),
    decision: dict[str, Any] | None = None,
) -> Model:
    """A model of a task as drawn, in PyTorch."""
    torch.manual_seed(0)
    architecture = "resnet18_d"
    contract = made_contract(architecture, preprocess.size_hw)
    contract = replace(contract, task=task, decision=decision or {}, classes=classes, preprocess=preprocess)
    network = task_of(contract).learning.build(build_backbone(architecture, preprocess.channels))
    network = place(network, torch.device("cpu")).eval()
    source = Source(contract=contract, network=network, device=torch.device("cpu"))
    return Model(contract, build(source, "float32"))
