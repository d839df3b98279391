"""Predicting, but for the network itself, needs no PyTorch: in a process where it can't be imported."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not to be had here")

sys.meta_path.insert(0, NoTorch())
"""
DECODED = """
from pathlib import Path

import numpy as np

from foveal.answers import ANSWERING, answering, decision
from foveal.contract import Contract, read_contract
from foveal.inference.predictor import Model
from foveal.inference.tiles import TiledModel
from foveal.inference.engines.agreement import generated_images, largest_difference
from foveal.ops.mask_points import SHAPES
from foveal.preprocess import Preprocess
import foveal.verbs.lines

random = np.random.default_rng(0)
cells = 12
of_masks = sum(int(np.prod(shape)) for shape in SHAPES)
found = {
    "logits": random.standard_normal((2, cells, 3), np.float32),
    "distances": random.standard_normal((2, cells, 4, 16), np.float32),
    "points": random.uniform(0, 32, (cells, 2)).astype(np.float32),
    "strides": np.full(cells, 8, np.float32),
    "mask_maps": random.standard_normal((2, 8, 8, 12), np.float32),
    "mask_weights": random.standard_normal((2, cells, of_masks), np.float32),
}
MADE = {"detect": found, "segment": {"logits": random.standard_normal((2, 3, 32, 48), np.float32)}}
CLASSES = ("a", "b", "c")
PREPROCESS = Preprocess(size_hw=(32, 48), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.2,) * 3)


class Engine:
    name, precision, batch_size, streams = "made", "float32", 2, 1

    def __init__(self, outputs):
        self.outputs = outputs

    def run(self, images_u8):
        shared = ("points", "strides")
        return {name: each if name in shared else each[: len(images_u8)] for name, each in self.outputs.items()}

    run_one = run


for task in ANSWERING:
    outputs = MADE.get(task, {"logits": random.standard_normal((2, 3), np.float32)})
    contract = Contract(architecture="made", task=task, task_settings={}, classes=CLASSES, preprocess=PREPROCESS,
                        chosen="", val={}, mirrored=True, data={}, recipe={})
    model = Model(contract, Engine(outputs))
    image = random.integers(0, 256, (50, 40, 3), np.uint8)
    said = [model(image), *model.predict([image, image, image])]
    if model.answering.merge is not None:
        said.append(model(image, tta=True))
    if model.answering.join is not None:
        said.append(model(image, tile=40))
    for answer in said:
        assert isinstance(answer, model.answering.kind)
        answer.to_json(), list(answer.rows()), answer.overlay(), list(answer.instances())
assert read_contract(Path(sys.argv[1])).classes == ("ant", "bee", "cat")
assert "torch" not in sys.modules
"""
NAMES = """
import foveal
for name in ("Classified", "Detected", "Failed", "Labelled", "Measured", "Predicted", "Segmented"):
    getattr(foveal, name)
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("code", [DECODED, NAMES])
def test_torch_is_not_needed(code: str) -> None:
    words = [sys.executable, "-c", BLOCKED + code, "tests/formats/one-classify.safetensors"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_block_is_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + "import torch.nn"], check=False, capture_output=True, text=True
    )
    assert "torch is not to be had here" in done.stderr
