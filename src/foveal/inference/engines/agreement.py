"""The comparison that an engine has to stand: what it says against what the network itself says in float32."""

import numpy as np
import torch
from torch import Tensor

from foveal.images import resize
from foveal.inference.engines import SIDE_TOLERANCE, TOLERANCE
from foveal.inference.engines.eager import build
from foveal.inference.engines.engine import Engine, Source
from foveal.networks.detector_head import expected_distances
from foveal.networks.mask_head import STRIDE, box_grid, mask_logits
from foveal.preprocess import Preprocess, as_batch
from foveal.tasks.task import Outputs

_IMAGES = 8
_SEED = 0
_CELLS, _SIDE = 16, 28  # of a detector's, whose masks are compared, and points along a side of each
_LEFT_OUT = 0.001
_POINTS = 100  # of an image, a detector's likeliest: at others its boxes are never looked at


def disagreement(engine: Engine, source: Source) -> str:
    """By how much the engine's outputs differ, as a sentence; empty where they are within the tolerances."""
    images = generated_images(source.preprocess)
    outputs, expected = engine.many(images), build(source, "float32").many(images)
    assert outputs.keys() == expected.keys()
    if source.contract.task == "regress":
        difference = largest_number_difference(outputs, expected)
        if difference <= TOLERANCE:
            return ""
        return f"its numbers differ by up to {difference:.2g} spreads from the network's, and {TOLERANCE} are allowed"
    difference = largest_difference(outputs, expected, alone=source.contract.task == "multilabel")
    if not difference <= TOLERANCE:
        return f"its probabilities differ by up to {difference:.2g} from the network's, and {TOLERANCE} are allowed"
    if "distances" in expected and not (sides := largest_side_difference(outputs, expected)) <= SIDE_TOLERANCE:
        return (
            f"its boxes' sides differ by up to {sides:.2g} cells from the network's, and {SIDE_TOLERANCE} are allowed"
        )
    return ""


def generated_images(preprocess: Preprocess) -> Tensor:
    """(B, C, H, W) uint8, always the same: random colours in grids from coarse blobs to almost noise."""
    random = np.random.default_rng(_SEED)
    images = []
    for index in range(_IMAGES):
        side = 2 ** (1 + index % 6)
        grid = random.integers(0, 256, (side, side, preprocess.channels), dtype=np.uint8)
        images.append(resize(grid, preprocess.size_hw))
    return as_batch(np.stack(images))


def largest_difference(outputs: Outputs, expected: Outputs, *, alone: bool = False) -> float:
    """Between probabilities, those of masks too, and between constants; a detector's distances are left out. NaN where
    one is.

    Of the pixels of label maps, (B, K, H, W), one in a thousand is left out: at the borders of regions probabilities
    are steep, and of a million values one is always far off. alone: each class of an image is by itself.
    """
    differences = []
    for name in expected.keys() - {"distances", "mask_maps", "mask_weights"}:
        ours, theirs = (_probabilities(name, each[name], alone=alone) for each in (outputs, expected))
        difference = (ours - theirs).abs()
        differences.append(_all_but_few(difference) if difference.ndim == 4 else difference.max())
    if "mask_maps" in expected:
        differences.append((_masks(outputs) - _masks(expected)).abs().max())
    return float(torch.stack(differences).max())


def largest_number_difference(outputs: Outputs, expected: Outputs) -> float:
    """Between what a regression's network says, in spreads of the training targets; of numbers further than one from
    their mean, as a share of that distance. NaN where one is."""
    theirs = expected["logits"].double()
    return float(((outputs["logits"].double() - theirs).abs() / theirs.abs().clamp(min=1)).max())


def _all_but_few(difference: Tensor) -> Tensor:
    pixels = difference.amax(dim=1).flatten()
    return pixels.max() if pixels.isnan().any() else pixels.kthvalue(len(pixels) - int(_LEFT_OUT * len(pixels))).values


def largest_side_difference(outputs: Outputs, expected: Outputs) -> float:
    """Between the distances of a detector's boxes' sides from their points, in cells, where objects are likeliest."""
    likely = expected["logits"].amax(dim=2)
    best = likely.topk(min(_POINTS, likely.shape[1]), dim=1).indices  # (B, P)
    rows = torch.arange(len(best))[:, None]
    ours, theirs = (expected_distances(each["distances"][rows, best]) for each in (outputs, expected))
    return float((ours - theirs).abs().max())


def _masks(outputs: Outputs) -> Tensor:
    """Of a few cells of each image the mask's probabilities over the whole image, (B, cells, points)."""
    weights, maps = outputs["mask_weights"], outputs["mask_maps"]
    cells = torch.linspace(0, weights.shape[1] - 1, _CELLS).round().long()
    points = box_grid(_SIDE, reach=1.0, device=maps.device)
    whole = torch.tensor([0.0, 0, maps.shape[3] * STRIDE, maps.shape[2] * STRIDE]).expand(_CELLS, -1)
    logits = [mask_logits(row[cells], own, whole, points) for row, own in zip(weights, maps, strict=True)]
    return torch.stack(logits).double().sigmoid()


def _probabilities(name: str, output: Tensor, *, alone: bool) -> Tensor:
    """Of logits (B, K) or (B, K, H, W), and a detector's (B, N, K), where each class is by itself; others stay."""
    if "logits" not in name and "aux" not in name:
        return output.double()
    return output.double().sigmoid() if alone or output.ndim == 3 else output.double().softmax(dim=1)
