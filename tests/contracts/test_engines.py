"""Every installed engine computes what the network computes, for batches of any size and layout.

In float32, where a difference is a fault. What bfloat16 changes depends on the weights: `tests/inference` compares it
on a trained network.
"""

import numpy as np
import pytest
import torch
from tests.made import lively_source

from foveal.answers.answer import Outputs
from foveal.evaluation.forward import forward
from foveal.feed.inputs import as_batch
from foveal.inference.engines import ENGINES, FASTEST_FIRST
from foveal.inference.engines.agreement import disagreement, generated_images
from foveal.inference.engines.choose import build_engine
from foveal.inference.engines.eager import folded
from foveal.inference.engines.engine import Source
from foveal.networks import NETWORKS

SMALL = [name for name, spec in NETWORKS.items() if spec.parameters < 30_000_000]
TOLERANCE = 1e-3  # float32 alone gives about 1e-5, channels in another order about 1
TAKEN = {  # converting takes a second, exporting to ONNX several
    "eager": ["lenet5", "resnet20_cifar"],
    "onnxruntime": ["lenet5", "resnet20_cifar"],
    "openvino": ["lenet5", "alexnet", "googlenet", "googlenet_bn", "resnet18", "resnet50", "resnet20_cifar"],
}
CASES = [pytest.param(name, engine, id=f"{engine}-{name}") for engine, names in TAKEN.items() for name in names]


def error(outputs: Outputs, expected: Outputs) -> float:
    """The largest difference of a logit, as a share of what tells one image's from another's."""
    difference = np.abs(outputs["logits"] - expected["logits"]).max()
    return float(difference / expected["logits"].std(axis=0, ddof=1).mean())


def by_the_network(source: Source, images_u8: np.ndarray, network: torch.nn.Module | None = None) -> Outputs:
    outputs = forward(network or source.network, source.preprocess, as_batch(images_u8), device=source.device)
    return {name: output.numpy() for name, output in outputs.items()}


def size_of(name: str) -> tuple[int, int]:
    side = max(32, NETWORKS[name].needs.min_size)
    side += 32 if name.startswith("googlenet") else 0  # OpenVINO pools no map that is smaller than the window
    return side, side + 3


def test_every_engine_has_cases() -> None:
    assert {row[0] for row in FASTEST_FIRST} == set(ENGINES) == set(TAKEN)


@pytest.mark.parametrize(("name", "engine"), CASES)
def test_the_engine_agrees(name: str, engine: str) -> None:
    for module in ENGINES[engine].needs:
        pytest.importorskip(module)
    source = lively_source(name, size_of(name))
    images = generated_images(source.preprocess)
    expected = by_the_network(source, images)
    made = build_engine(source, engine, "float32")
    assert error(made.run(images), expected) < TOLERANCE
    assert error(made.run(images[2:5]), {"logits": expected["logits"][2:5]}) < TOLERANCE
    alone = made.run_one(images[6:7])["logits"]
    assert np.allclose(alone, expected["logits"][6:7], rtol=1e-3, atol=1e-3)
    assert alone.dtype == np.float32


@pytest.mark.parametrize("engine", TAKEN)
@pytest.mark.parametrize("task", ["regress", "multilabel", "detect", "segment"])
def test_what_is_no_class_agrees(task: str, engine: str) -> None:
    for module in ENGINES[engine].needs:
        pytest.importorskip(module)
    source = lively_source("resnet18_d", (64, 96), task=task)
    images = generated_images(source.preprocess)
    expected = by_the_network(source, images)
    made = build_engine(source, engine, "float32")
    for outputs, rows in (
        (made.run(images), slice(None)),
        (made.run(images[2:5]), slice(2, 5)),
        (made.run_one(images[6:7]), slice(6, 7)),
    ):
        assert outputs.keys() == expected.keys()
        for name, output in outputs.items():
            whole = name in ("points", "strides")  # the same for every image
            theirs = expected[name] if whole else expected[name][rows]
            assert output.dtype == np.float32
            np.testing.assert_allclose(output, theirs, rtol=0 if whole else 1e-3, atol=0 if whole else 1e-3)
    assert disagreement(made, source) == ""


def off(outputs: Outputs, name: str, by: float) -> Outputs:
    changed = outputs[name].copy(order="C")
    changed.reshape(-1)[::7] += by
    return {**outputs, name: changed}


@pytest.mark.parametrize(
    ("task", "name", "by", "reason"),
    [
        ("detect", "logits", 1.0, "its probabilities differ by up to 0."),
        ("detect", "distances", 9.0, "its boxes' sides differ by up to"),
        ("detect", "points", 1.0, "differ by up to 1 "),
        ("detect", "strides", 1.0, "differ by up to 1 "),
        ("detect", "distances", float("nan"), "its boxes' sides differ by up to nan cells"),
        ("segment", "logits", 1.0, "its probabilities differ by up to 0."),
        ("regress", "logits", 1.0, "its numbers differ by up to"),
        ("regress", "logits", float("nan"), "its numbers differ by up to nan"),
        ("regress", "logits", 1e-3, ""),
        ("multilabel", "logits", 1.0, "its probabilities differ by up to 0."),
        ("multilabel", "logits", 1e-3, ""),
        ("segment", "logits", float("nan"), "differ by up to nan"),
        ("detect", "logits", 1e-3, ""),
        ("detect", "distances", 1e-3, ""),
        ("segment", "logits", 1e-3, ""),
    ],
)
def test_each_output_is_compared(task: str, name: str, by: float, reason: str) -> None:
    source = lively_source("resnet18_d", (64, 96), task=task)
    made = build_engine(source, "eager", "float32")

    class Off:
        name, precision, batch_size, streams = "off", "float32", 8, 1

        def run(self, images_u8: np.ndarray) -> Outputs:
            return off(made.run(images_u8), output, by)

        run_one = run

    output = name
    said = disagreement(Off(), source)
    assert reason in said
    assert bool(said) == bool(reason)


@pytest.mark.parametrize(("task", "agrees"), [("classify", True), ("multilabel", False), ("regress", False)])
def test_what_all_outputs_have_in_common_counts_but_for_classes(task: str, agrees: bool) -> None:
    source = lively_source("resnet18_d", (64, 96), task=task)
    made = build_engine(source, "eager", "float32")

    class Higher:
        name, precision, batch_size, streams = "higher", "float32", 8, 1

        def run(self, images_u8: np.ndarray) -> Outputs:
            outputs = made.run(images_u8)
            return {**outputs, "logits": outputs["logits"] + 1.0}

        run_one = run

    assert (disagreement(Higher(), source) == "") is agrees


@pytest.mark.parametrize("name", SMALL)
def test_folding_changes_nothing(name: str) -> None:
    source = lively_source(name, size_of(name))
    images = generated_images(source.preprocess)
    network = folded(source.network)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == (3 if name == "fastnet" else 0)  # its others stand behind a pooling and fold into nothing
    expected, outputs = (by_the_network(source, images, each) for each in (source.network, network))
    assert error(outputs, expected) < TOLERANCE
