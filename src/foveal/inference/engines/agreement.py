"""The comparison that an engine has to stand: its probabilities against those of the network itself in float32."""

import numpy as np
import torch
from torch import Tensor

from foveal.images import resize
from foveal.inference.engines import TOLERANCE
from foveal.inference.engines.eager import build
from foveal.inference.engines.engine import Engine, Source
from foveal.networks.mask_head import STRIDE, box_grid, mask_logits
from foveal.preprocess import Preprocess, as_batch
from foveal.tasks.task import Outputs

_IMAGES = 8
_SEED = 0
_CELLS, _SIDE = 16, 28  # of a detector's, whose masks are compared, and points along a side of each


def disagreement(engine: Engine, source: Source) -> str:
    """By how much the engine's probabilities differ, as a sentence; empty where they are within `TOLERANCE`."""
    images = generated_images(source.preprocess)
    difference = largest_difference(engine.many(images), build(source, "float32").many(images))
    if difference <= TOLERANCE:
        return ""
    return f"its probabilities differ by up to {difference:.2g} from the network's, and {TOLERANCE} are allowed"


def generated_images(preprocess: Preprocess) -> Tensor:
    """(B, C, H, W) uint8, always the same: random colours in grids from coarse blobs to almost noise."""
    random = np.random.default_rng(_SEED)
    images = []
    for index in range(_IMAGES):
        side = 2 ** (1 + index % 6)
        grid = random.integers(0, 256, (side, side, preprocess.channels), dtype=np.uint8)
        images.append(resize(grid, preprocess.size_hw))
    return as_batch(np.stack(images))


def largest_difference(outputs: Outputs, expected: Outputs) -> float:
    """Between the probabilities, (B, K) each, of all outputs; NaN where one is."""
    assert outputs.keys() == expected.keys()
    names = [name for name in expected if name not in ("mask_maps", "mask_weights")]
    differences = [_probabilities(name, outputs[name]) - _probabilities(name, expected[name]) for name in names]
    if "mask_maps" in expected:
        differences.append(_masks(outputs) - _masks(expected))
    return float(torch.cat([each.flatten() for each in differences]).abs().max())


def _masks(outputs: Outputs) -> Tensor:
    """Of a few cells of each image the mask's probabilities over the whole image, (B, cells, points)."""
    weights, maps = outputs["mask_weights"], outputs["mask_maps"]
    cells = torch.linspace(0, weights.shape[1] - 1, _CELLS).round().long()
    points = box_grid(_SIDE, reach=1.0, device=maps.device)
    whole = torch.tensor([0.0, 0, maps.shape[3] * STRIDE, maps.shape[2] * STRIDE]).expand(_CELLS, -1)
    logits = [mask_logits(row[cells], own, whole, points) for row, own in zip(weights, maps, strict=True)]
    return torch.stack(logits).double().sigmoid()


def _probabilities(name: str, output: Tensor) -> Tensor:
    """Of logits (B, K) or (B, K, H, W), a detector's (B, N, K) and its distances (B, N, 4, R); other outputs stay."""
    if output.ndim == 2 and "logits" not in name and "aux" not in name:
        return output.double()
    if name == "logits" and output.ndim == 3:
        return output.double().sigmoid()
    return output.double().softmax(dim=1 if name == "logits" else -1)
