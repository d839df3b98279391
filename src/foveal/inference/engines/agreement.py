"""The comparison that an engine has to stand: its probabilities against those of the network itself in float32."""

import numpy as np
import torch
from torch import Tensor

from foveal.images import resize
from foveal.inference.engines import TOLERANCE
from foveal.inference.engines.eager import build
from foveal.inference.engines.engine import Engine, Source
from foveal.preprocess import Preprocess, as_batch
from foveal.tasks.task import Outputs

_IMAGES = 8
_SEED = 0


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
    differences = [_probabilities(name, outputs[name]) - _probabilities(name, expected[name]) for name in expected]
    return float(torch.cat([each.flatten() for each in differences]).abs().max())


def _probabilities(name: str, output: Tensor) -> Tensor:
    """Of logits (B, K) or (B, K, H, W), a detector's (B, N, K) and its distances (B, N, 4, R); other outputs stay."""
    if output.ndim == 2 and "logits" not in name and "aux" not in name:
        return output.double()
    if name == "logits" and output.ndim == 3:
        return output.double().sigmoid()
    return output.double().softmax(dim=1 if name == "logits" else -1)
