"""The comparison that an engine has to pass: its outputs against those of the network itself in float32."""

import numpy as np

from foveal.answers import answering
from foveal.answers.answer import Answering, Outputs
from foveal.images import resize
from foveal.inference.engines import SIDE_TOLERANCE, TOLERANCE
from foveal.inference.engines.engine import Engine, Source
from foveal.ops.box_arrays import expected_distances
from foveal.ops.mask_points import STRIDE, mask_logits
from foveal.ops.probabilities import sigmoid
from foveal.preprocess import Preprocess

_IMAGES = 8
_SEED = 0
_CELLS, _SIDE = 16, 28  # of a detector's, whose masks are compared, and points along a side of each
_LEFT_OUT = 0.001
_POINTS = 100  # of an image, a detector's likeliest: at others its boxes are never looked at


def disagreement(engine: Engine, source: Source) -> str:
    """By how much the engine's outputs differ, as a sentence; empty where they are within the tolerances."""
    from foveal.inference.engines.eager import build  # where the network itself computes, PyTorch does

    images = generated_images(source.preprocess)
    outputs, expected = engine.run(images), build(source, "float32").run(images)
    assert outputs.keys() == expected.keys()
    contract = source.contract
    task = answering(contract.task, contract.classes, contract.task_settings)
    if task.probabilities is None:
        difference = largest_number_difference(outputs, expected)
        if difference <= TOLERANCE:
            return ""
        return (
            f"its numbers differ by up to {difference:.2g} standard deviations from the network's, and {TOLERANCE} are "
            "allowed"
        )
    difference = largest_difference(outputs, expected, task=task)
    if not difference <= TOLERANCE:
        return f"its probabilities differ by up to {difference:.2g} from the network's, and {TOLERANCE} are allowed"
    if "distances" in expected and not (sides := largest_side_difference(outputs, expected)) <= SIDE_TOLERANCE:
        return (
            f"its boxes' sides differ by up to {sides:.2g} cells from the network's, and {SIDE_TOLERANCE} are allowed"
        )
    return ""


def generated_images(preprocess: Preprocess) -> np.ndarray:
    """(B, H, W, C) of the preprocessing's depth, always the same: random colours in grids from coarse blobs to almost
    noise."""
    random = np.random.default_rng(_SEED)
    images = []
    for index in range(_IMAGES):
        side = 2 ** (1 + index % 6)
        grid = random.integers(0, preprocess.white, (side, side, preprocess.channels), np.dtype(preprocess.depth), True)
        images.append(resize(grid, preprocess.size_hw))
    return np.stack(images)


def largest_difference(outputs: Outputs, expected: Outputs, *, task: Answering) -> float:
    """Between probabilities, those of masks too, and between constants; a detector's distances are left out. NaN where
    one is.

    Of the pixels of label maps, (B, K, H, W), one in a thousand is left out: at the borders of regions probabilities
    are steep, and of a million values one is always far off.
    """
    assert task.probabilities is not None
    differences: list[float] = []
    for name in expected.keys() - {"distances", "mask_maps", "mask_weights"}:
        ours, theirs = outputs[name], expected[name]
        if "logits" in name or "aux" in name:
            ours, theirs = task.probabilities(ours), task.probabilities(theirs)
        difference = np.abs(ours.astype(np.float64) - theirs)
        differences.append(_all_but_few(difference) if difference.ndim == 4 else difference.max().item())
    if "mask_maps" in expected:
        differences.append(float(np.abs(_masks(outputs) - _masks(expected)).max()))
    return float(np.max(differences))


def largest_number_difference(outputs: Outputs, expected: Outputs) -> float:
    """Between a regression's outputs, in standard deviations of the training targets; of numbers further than one from
    their mean, as a share of that distance. NaN where one is."""
    ours, theirs = (each["logits"].astype(np.float64) for each in (outputs, expected))
    return float((np.abs(ours - theirs) / np.abs(theirs).clip(1)).max())


def _all_but_few(difference: np.ndarray) -> float:
    pixels = difference.max(axis=1).ravel()
    last = len(pixels) - int(_LEFT_OUT * len(pixels)) - 1
    return float(pixels.max() if np.isnan(pixels).any() else np.partition(pixels, last)[last])


def largest_side_difference(outputs: Outputs, expected: Outputs) -> float:
    """Between the distances of a detector's boxes' sides from their points, in cells, where objects are likeliest."""
    likely = expected["logits"].max(axis=2)
    best = np.argsort(-likely, axis=1)[:, :_POINTS]  # (B, P)
    rows = np.arange(len(best))[:, None]
    ours, theirs = (expected_distances(each["distances"][rows, best]) for each in (outputs, expected))
    return float(np.abs(ours - theirs).max())


def _masks(outputs: Outputs) -> np.ndarray:
    """Of a few cells of each image the mask's probabilities over the whole image, (B, cells, side, side)."""
    weights, maps = outputs["mask_weights"], outputs["mask_maps"]
    cells = np.linspace(0, weights.shape[1] - 1, _CELLS).round().astype(np.intp)
    whole = np.tile([0, 0, maps.shape[3] * STRIDE, maps.shape[2] * STRIDE], (_CELLS, 1))
    logits = [mask_logits(row[cells], own, whole, _SIDE) for row, own in zip(weights, maps, strict=True)]
    return sigmoid(np.stack(logits))
