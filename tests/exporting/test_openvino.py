"""What is exported carries its preprocessing; and OpenVINO tells nobody."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.made import lively_source
from torch import Tensor, nn

from foveal.bundle import NamedOutputs
from foveal.exporting.graph import Graph
from foveal.feed.inputs import as_batch, to_input
from foveal.preprocess import Preprocess

PREPROCESS = Preprocess(size_hw=(6, 9), channels=2, fit="squash", mean=(0.3, 0.6), std=(0.1, 0.4))


class Two(nn.Module):
    """Two outputs, the sums of the two channels, so that order, channels and arithmetic all show."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"second": images[:, 1].sum(dim=(1, 2))[:, None], "first": images[:, 0].sum(dim=(1, 2))[:, None]}


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 6, 9, 2), dtype=np.uint8)


def test_the_graph_is_preprocessing_and_network() -> None:
    graph = Graph(NamedOutputs(Two()), PREPROCESS)
    assert graph.names == ("second", "first")
    pixels = images(3)
    expected = Two()(to_input(PREPROCESS, as_batch(pixels)))
    outputs = graph(torch.from_numpy(pixels))
    for name, value in zip(graph.names, outputs, strict=True):
        assert torch.allclose(value, expected[name], rtol=1e-5)


def test_openvino_keeps_names_and_takes_any_batch() -> None:
    ov = pytest.importorskip("openvino")
    from foveal.exporting.openvino import to_openvino

    model = to_openvino(NamedOutputs(Two()), PREPROCESS)
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for count in (1, 5):
        pixels = images(count)
        expected = Two()(to_input(PREPROCESS, as_batch(pixels)))
        results = compiled([pixels])
        for name in ("first", "second"):
            assert results[name] == pytest.approx(expected[name].numpy(), rel=1e-4)


def test_a_network_that_can_not_be_traced_is_an_error() -> None:
    pytest.importorskip("openvino")
    from foveal.exporting.openvino import to_openvino

    source = lively_source("googlenet", (32, 35))  # the last maps are smaller than the pooling's window
    with pytest.raises(Exception, match="max_pool2d"):
        to_openvino(source.network, source.preprocess)


def test_openvino_reports_nothing_to_anybody() -> None:
    pytest.importorskip("openvino")
    code = (
        "import sys, foveal.inference.engines.openvino\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry.')]\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
