"""Small data sets made on the spot: shapes that a network learns in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from foveal.read import from_arrays
from foveal.types import Dataset

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
